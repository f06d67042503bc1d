package page

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
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
	create := func(flags uintptr) (uintptr, syscall.Errno) {
		fd, _, errno := syscall.Syscall(memfdCreate, uintptr(unsafe.Pointer(&name[0])), flags, 0)
		return fd, errno
	}
	fd, errno := create(cloexec | allowSealing | noexecSeal)
	if errno == syscall.EINVAL { // before Linux 6.3
		fd, errno = create(cloexec | allowSealing)
	}
	if errno != 0 {
		return nil, os.NewSyscallError("memfd_create", errno)
	}
	f := os.NewFile(fd, "memfd")
	defer f.Close()
	if err := write(f, kind, 0); err != nil {
		return nil, cause(err)
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, addSeals, sealSeal|sealShrink|sealGrow); errno != 0 {
		return nil, os.NewSyscallError("fcntl", errno)
	}
	return attach(f, kind)
}

// checkFileSystem returns an error unless the file fd is in memory: on a disk,
// touching the page may block, or kill the process.
func checkFileSystem(fd uintptr) error {
	const tmpfs, ramfs = 0x01021994, 0x858458f6
	var st syscall.Statfs_t
	if err := uninterrupted(func() error { return syscall.Fstatfs(int(fd), &st) }); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if kind := uint32(st.Type); kind != tmpfs && kind != ramfs {
		return mismatch(errors.ErrUnsupported, fmt.Sprintf("file system of type %#x", kind), "tmpfs or ramfs")
	}
	return nil
}

// A mapping is the address of a page.
type mapping struct {
	address  unsafe.Pointer
	detached atomic.Bool // the memory there is private
}

// spare has the addresses of pages that nobody uses, which are never unmapped:
// neighbours among them are one mapping to the kernel, and unmapping one of these
// would split that. So a process has at most two mappings for each page that is
// open, and one more.
var spare struct {
	sync.Mutex
	addresses []unsafe.Pointer
}

// mapFile maps the page in fd at a spare address if there is one.
func mapFile(fd uintptr) (*mapping, error) {
	var address unsafe.Pointer
	spare.Lock()
	if last := len(spare.addresses) - 1; last >= 0 {
		address = spare.addresses[last]
		spare.addresses = spare.addresses[:last]
	}
	spare.Unlock()
	address, err := mmap(address, syscall.MAP_SHARED, fd)
	if err != nil { // what is at the old address now is unknown
		return nil, err
	}
	return &mapping{address: address}, nil
}

// detach atomically replaces the page by private memory.
func (m *mapping) detach() {
	if _, err := mmap(m.address, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0)); err == nil {
		m.detached.Store(true)
	}
}

// release makes the address spare.
func (m *mapping) release() {
	if !m.detached.Load() {
		m.detach()
	}
	if m.detached.Load() {
		spare.Lock()
		spare.addresses = append(spare.addresses, m.address)
		spare.Unlock()
	}
}

// mmap maps one page, at the address unless that is nil.
func mmap(address unsafe.Pointer, flags, fd uintptr) (unsafe.Pointer, error) {
	if address != nil {
		flags |= syscall.MAP_FIXED
	}
	args := [6]uintptr{uintptr(address), size, syscall.PROT_READ | syscall.PROT_WRITE, flags, fd, 0}
	var page uintptr
	var errno syscall.Errno
	switch runtime.GOARCH {
	case "386", "arm":
		const mmap2 = 192 // takes the offset in pages
		page, _, errno = syscall.Syscall6(mmap2, args[0], args[1], args[2], args[3], args[4], args[5])
	case "s390x": // takes a pointer to its arguments
		page, _, errno = syscall.Syscall(syscall.SYS_MMAP, uintptr(unsafe.Pointer(&args)), 0, 0)
	default:
		page, _, errno = syscall.Syscall6(syscall.SYS_MMAP, args[0], args[1], args[2], args[3], args[4], args[5])
	}
	if errno != 0 {
		return nil, errno
	}
	return *(*unsafe.Pointer)(unsafe.Pointer(&page)), nil
}
