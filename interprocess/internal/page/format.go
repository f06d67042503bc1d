package page

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// A page begins with a line of text that never changes,
//
//	goevent 2 little KIND ID
//
// that is: the format and its version; the byte order of the word; the kind that
// its users agree on; and a random ID. The word has its own cache line. The rest
// is zero.
const (
	size   = 4096
	wordAt = 256
)

// ErrFormat is wrapped by the errors for what is not a page, or is one that this
// process cannot use.
var ErrFormat = errors.New("interprocess: not a usable event")

// byteOrder is that of this process.
func byteOrder() string {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return "little"
	}
	return "big"
}

// content returns a new page and its ID.
func content(kind string, word uint32) (page []byte, id string) {
	page, id = make([]byte, size), rand.Text()
	copy(page, fmt.Sprintf("goevent 2 %s %s %s\n", byteOrder(), kind, id))
	binary.NativeEndian.PutUint32(page[wordAt:], word)
	return page, id
}

// parse returns the ID of the page that begins with head, or what is wrong with
// it.
func parse(head []byte, kind string) (id string, err error) {
	line, _, whole := bytes.Cut(head, []byte("\n"))
	found := strings.Split(string(line), " ")
	switch {
	case found[0] != "goevent":
		return "", fmt.Errorf("%w: no event header", ErrFormat)
	case !whole || len(found) != 5 || found[4] == "":
		return "", fmt.Errorf("%w: incomplete event header", ErrFormat)
	case found[1] != "2":
		return "", mismatch(ErrFormat, fmt.Sprintf("version %.20q", found[1]), 2)
	case found[2] != byteOrder():
		return "", mismatch(ErrFormat, fmt.Sprintf("byte order %.20q", found[2]), byteOrder())
	case found[3] != kind:
		return "", mismatch(ErrFormat, fmt.Sprintf("wake-up %.20q", found[3]), kind)
	}
	return found[4], nil
}

// checkID returns an error unless the page that begins with head has the ID.
func checkID(head []byte, kind, id string) error {
	found, err := parse(head, kind)
	if err == nil && found != id {
		err = mismatch(ErrFormat, "event "+found, fmt.Sprintf("%.40s", id))
	}
	return err
}

// mismatch returns an error that wraps cause.
func mismatch(cause error, found string, want any) error {
	return fmt.Errorf("%w: %s, want %v", cause, found, want)
}

// notRegular returns the error for a file that is not regular.
func notRegular(mode fs.FileMode) error {
	found := "special file"
	switch {
	case mode.IsDir():
		found = "directory"
	case mode&fs.ModeSymlink != 0:
		found = "symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		found = "named pipe"
	case mode&fs.ModeSocket != 0:
		found = "socket"
	case mode&fs.ModeDevice != 0:
		found = "device"
	}
	return mismatch(ErrFormat, found, "regular file")
}
