package page

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
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

// header returns the first line of a page without its ID.
func header(kind string) string {
	order := "big"
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		order = "little"
	}
	return "goevent 2 " + order + " " + kind
}

// content returns a new page.
func content(kind string, word uint32) []byte {
	page := make([]byte, size)
	copy(page, header(kind)+" "+rand.Text()+"\n")
	binary.NativeEndian.PutUint32(page[wordAt:], word)
	return page
}

// parse returns the ID of the page that begins with head, or what is wrong with
// it. If id is not empty, the page must have it.
func parse(head []byte, kind, id string) (string, error) {
	line, _, whole := strings.Cut(string(head), "\n")
	before := max(0, strings.LastIndexByte(line, ' '))
	switch found := line[before:]; {
	case !whole || !strings.HasPrefix(line, "goevent ") || found == " ":
		return "", fmt.Errorf("%w: no event header", ErrFormat)
	case line[:before] != header(kind):
		return "", mismatch(ErrFormat, fmt.Sprintf("header %.60q", line[:before]), fmt.Sprintf("%q", header(kind)))
	case id != "" && found[1:] != id:
		return "", mismatch(ErrFormat, fmt.Sprintf("event %.40q", found[1:]), fmt.Sprintf("%.40q", id))
	default:
		return found[1:], nil
	}
}

// mismatch returns an error that wraps cause.
func mismatch(cause error, found string, want any) error {
	return fmt.Errorf("%w: %s, want %v", cause, found, want)
}
