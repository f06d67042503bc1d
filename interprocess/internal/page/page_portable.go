//go:build unix && !linux

package page

import (
	"os"
	"syscall"
	"unsafe"
)

// newAnonymous makes a file in the directory for temporary files and removes its
// name at once.
func newAnonymous(kind string) (*Page, error) {
	f, err := writeTemp(os.TempDir(), kind, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	return attach(f, kind)
}

// A mapping is a mapped page.
type mapping struct {
	address unsafe.Pointer
	page    []byte
}

func mapFile(fd uintptr) (*mapping, error) {
	page, err := syscall.Mmap(int(fd), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &mapping{unsafe.Pointer(&page[0]), page}, nil
}

// detach does nothing: package syscall cannot replace a mapping, and methods that
// run may still touch it.
func (m *mapping) detach() {}

func (m *mapping) release() { syscall.Munmap(m.page) }
