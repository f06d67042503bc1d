//go:build unix && !linux

package page

import (
	"os"
	"syscall"
	"unsafe"
)

// newAnonymous makes a file in the directory for temporary files and removes its
// name.
func newAnonymous(kind string) (*Page, error) {
	f, err := os.CreateTemp("", ".goevent-*")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	defer os.Remove(f.Name())
	return fill(f, kind, 0)
}

func mapFile(fd int) (mapping, error) {
	page, err := syscall.Mmap(fd, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	return mapping{unsafe.Pointer(unsafe.SliceData(page))}, os.NewSyscallError("mmap", err)
}

// detach does nothing: package syscall cannot replace a mapping, and methods that
// run may still touch it.
func (mapping) detach() error { return nil }

func (m mapping) release() { _ = syscall.Munmap(unsafe.Slice((*byte)(m.address), size)) }
