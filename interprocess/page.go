package interprocess

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// An event is one page, in a file or, for New on Windows, in memory. It begins
// with a line of text that never changes,
//
//	goevent 1 little futex-wake-op BOOT ID
//
// that is: the format and its version; the byte order of the word; how sleeping
// threads are woken, since a process that does it in another way might leave
// them asleep; the boot of the host; and a random ID. The word has its own cache
// line. The rest is zero.
const (
	pageSize = 4096
	wordAt   = 256
)

// ErrFormat is wrapped by the errors of Open, OpenOrCreate and Inherited for
// what is not an event, or one that this process cannot use.
var ErrFormat = errors.New("not a usable event")

// ErrStale is wrapped by the error of Open for an event on a disk that was made
// during another boot: OpenOrCreate replaces it. To a container with its own boot
// ID, an event in use by the host is stale too.
var ErrStale = errors.New("event of an earlier boot")

// header returns the fields of the first line on which all processes of this
// host that can use an event agree.
func header() []string {
	order := "big"
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		order = "little"
	}
	return []string{"goevent", "1", order, wakes}
}

// bootID is read once, at init, before the process runs out of descriptors or
// changes its root directory.
var bootID = boot()

// noBoot stands for a boot that a process cannot identify, and matches any other.
const noBoot = "-"

// newPage returns the content of a new event.
func newPage() []byte {
	page := make([]byte, pageSize)
	copy(page, strings.Join(append(header(), bootID, rand.Text()), " ")+"\n")
	return page
}

// parse returns the boot and ID of an event whose page begins with head, or what
// is wrong with it.
func parse(head []byte) (boot, id string, err error) {
	line, _, whole := bytes.Cut(head, []byte("\n"))
	found := strings.Split(string(line), " ")
	want := header()
	switch {
	case found[0] != want[0]:
		return "", "", fmt.Errorf("%w: no event header", ErrFormat)
	case !whole || len(found) != 6 || found[5] == "":
		return "", "", fmt.Errorf("%w: incomplete event header", ErrFormat)
	}
	for i, what := range []string{want[0], "version", "byte order", "wake-up"} {
		if found[i] != want[i] {
			return "", "", mismatch(ErrFormat, fmt.Sprintf("%s %.20q", what, found[i]), want[i])
		}
	}
	return found[4], found[5], nil
}

// mismatch returns an error that wraps kind.
func mismatch(kind error, found string, want any) error {
	return fmt.Errorf("%w: %s, want %v", kind, found, want)
}
