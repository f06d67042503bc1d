package page

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// The numbers of memfd_create, which package syscall lacks.
var memfdCreate = map[string]uintptr{
	"386": 356, "amd64": 319, "arm": 385, "arm64": 279, "loong64": 279, "mips": 4354, "mipsle": 4354,
	"mips64": 5314, "mips64le": 5314, "ppc64": 360, "ppc64le": 360, "riscv64": 279, "s390x": 350,
}[runtime.GOARCH]

// newAnonymous makes a file in memory that cannot be resized.
func newAnonymous(kind string) (*Page, error) {
	const (
		cloexec, allowSealing, noexecSeal = 1, 2, 8
		addSeals                          = 1033 // F_ADD_SEALS
		sealSeal, sealShrink, sealGrow    = 1, 2, 4
	)
	name := []byte("goevent\x00")
	fd, _, errno := syscall.Syscall(memfdCreate, uintptr(unsafe.Pointer(&name[0])), cloexec|allowSealing|noexecSeal, 0)
	if errno == syscall.EINVAL { // before Linux 6.3
		fd, _, errno = syscall.Syscall(memfdCreate, uintptr(unsafe.Pointer(&name[0])), cloexec|allowSealing, 0)
	}
	if errno != 0 {
		return nil, os.NewSyscallError("memfd_create", errno)
	}
	f := os.NewFile(fd, "memfd")
	defer f.Close()
	p, err := fill(f, kind, 0)
	if err != nil {
		return nil, err
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, addSeals, sealSeal|sealShrink|sealGrow); errno != 0 {
		p.Close()
		return nil, os.NewSyscallError("fcntl", errno)
	}
	return p, nil
}

// checkFileSystem returns an error unless the file fd is in memory: on a disk,
// touching the page may block, or kill the process.
func checkFileSystem(fd int) error {
	const tmpfs, ramfs = 0x01021994, 0x858458f6
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(fd, &st); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if kind := uint32(st.Type); kind != tmpfs && kind != ramfs {
		return mismatch(errors.ErrUnsupported, fmt.Sprintf("file system of type %#x", kind), "tmpfs or ramfs")
	}
	return nil
}

// spare has the addresses of pages that nobody uses, which are never unmapped:
// neighbours among them are one mapping to the kernel, and unmapping one of these
// would split that. So a process has at most two mappings for each page that is
// open, and one more.
var spare struct {
	sync.Mutex
	mappings []mapping
}

// mapFile maps the page in fd, at a spare address if there is one.
func mapFile(fd int) (mapping, error) {
	var at mapping
	spare.Lock()
	if last := len(spare.mappings) - 1; last >= 0 {
		at, spare.mappings = spare.mappings[last], spare.mappings[:last]
	}
	spare.Unlock()
	return at.replace(syscall.MAP_SHARED, uintptr(fd)) // if that fails, what is there is unknown
}

// detach atomically replaces the page by private memory.
func (m mapping) detach() error {
	_, err := m.replace(syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0))
	return err
}

// release makes the address spare.
func (m mapping) release() {
	if m.detach() == nil { // again: an untouched page merges with its neighbours
		spare.Lock()
		spare.mappings = append(spare.mappings, m)
		spare.Unlock()
	}
}

// replace maps one page in place of m, or anywhere if m is zero.
func (m mapping) replace(flags, fd uintptr) (mapping, error) {
	if m.address != nil {
		flags |= syscall.MAP_FIXED
	}
	a := [6]uintptr{uintptr(m.address), size, syscall.PROT_READ | syscall.PROT_WRITE, flags, fd, 0}
	var page uintptr
	var errno syscall.Errno
	switch runtime.GOARCH {
	case "386", "arm":
		const mmap2 = 192 // takes the offset in pages
		page, _, errno = syscall.Syscall6(mmap2, a[0], a[1], a[2], a[3], a[4], a[5])
	case "s390x": // takes a pointer to its arguments
		page, _, errno = syscall.Syscall(syscall.SYS_MMAP, uintptr(unsafe.Pointer(&a)), 0, 0)
	default:
		page, _, errno = syscall.Syscall6(syscall.SYS_MMAP, a[0], a[1], a[2], a[3], a[4], a[5])
	}
	if errno != 0 {
		return m, os.NewSyscallError("mmap", errno)
	}
	return mapping{*(*unsafe.Pointer)(unsafe.Pointer(&page))}, nil
}
