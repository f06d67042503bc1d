//go:build ignore

// Winedll writes bcryptprimitives.dll, which Go programs load when they start and
// Wine 8 lacks, to the file that its argument names. The DLL has no code: its
// only export, ProcessPrng, forwards to RtlGenRandom of advapi32, which Wine has.
package main

import (
	"bytes"
	"encoding/binary"
	"log"
	"os"
)

func main() {
	const (
		name    = "bcryptprimitives.dll\x00"
		export  = "ProcessPrng\x00"
		forward = "ADVAPI32.SystemFunction036\x00"

		section = 0x1000 // address of the one section
		aligned = 0x200  // of headers and section in the file

		directory = section          // 40 bytes
		addresses = directory + 40   // of the functions: one
		names     = addresses + 4    // one
		ordinals  = names + 4        // one, of two bytes
		text      = ordinals + 2     // the three strings
		exportAt  = text + len(name) //
		forwardAt = exportAt + len(export)
		end       = forwardAt + len(forward)
	)
	var file bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			binary.Write(&file, binary.LittleEndian, v) // a Buffer never fails
		}
	}
	pad := func(n int) { file.Write(make([]byte, n-file.Len())) }

	// DOS header: only the magic and where the PE header is.
	put([]byte("MZ"))
	pad(0x3c)
	put(uint32(0x40))
	// COFF header: amd64, one section, an image that is a DLL.
	put([]byte("PE\x00\x00"), uint16(0x8664), uint16(1), uint32(0), uint32(0), uint32(0), uint16(240), uint16(0x2022))
	// Optional header: PE32+, no entry point.
	put(uint16(0x20b), uint16(14), uint32(0), uint32(aligned), uint32(0), uint32(0), uint32(section))
	put(uint64(0x180000000), uint32(section), uint32(aligned))            // base and alignments
	put(uint16(6), uint16(0), uint32(0), uint16(6), uint16(0), uint32(0)) // versions
	put(uint32(2*section), uint32(aligned), uint32(0), uint16(3), uint16(0x140))
	put(uint64(1<<20), uint64(1<<12), uint64(1<<20), uint64(1<<12)) // stack and heap
	put(uint32(0), uint32(16))
	put(uint32(directory), uint32(end-directory)) // the export directory
	put(make([]byte, 15*8))                       // and no others
	// The section.
	put([]byte(".rdata\x00\x00"), uint32(aligned), uint32(section), uint32(aligned), uint32(aligned))
	put(uint32(0), uint32(0), uint16(0), uint16(0), uint32(0x40000040)) // initialized data, readable
	pad(aligned)
	put(uint32(0), uint32(0), uint16(0), uint16(0), uint32(text), uint32(1), uint32(1), uint32(1))
	put(uint32(addresses), uint32(names), uint32(ordinals))
	put(uint32(forwardAt), uint32(exportAt), uint16(0))
	put([]byte(name + export + forward))
	pad(2 * aligned)

	if len(os.Args) != 2 {
		log.Fatal("usage: winedll FILE")
	}
	if err := os.WriteFile(os.Args[1], file.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
