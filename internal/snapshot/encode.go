package snapshot

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"iter"

	"github.com/klauspost/compress/zstd"
)

// encode writes a whole file to w and returns its size.
func encode(w io.Writer, h Header, entries iter.Seq[Entry]) (int64, error) {
	holds := measure(entries)
	header, err := h.marshal(holds)
	if err != nil {
		return 0, fmt.Errorf("header: %w", err)
	}
	d := &digest{w: w}
	if _, err := d.Write(preamble(version)); err != nil {
		return 0, err
	}
	z, err := zstd.NewWriter(d,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1), // in this goroutine: one core is enough to take from queries
		zstd.WithWindowSize(window),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false)) // the trailer's is for all
	if err != nil {
		return 0, err
	}
	written, err := encodeBody(z, header, entries)
	if err != nil {
		return 0, err
	}
	if written != *holds {
		return 0, fmt.Errorf("%d entries of %d bytes became %d of %d while they were written", holds.entries, holds.bytes, written.entries, written.bytes)
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	if _, err := d.Write(binary.BigEndian.AppendUint64(nil, uint64(d.size))); err != nil {
		return 0, err
	}
	if _, err := d.Write(binary.BigEndian.AppendUint32(nil, d.sum)); err != nil {
		return 0, err
	}
	return d.size, nil
}

// encodeBody writes what is to be compressed, and returns how much that is.
func encodeBody(w io.Writer, header []byte, entries iter.Seq[Entry]) (written contents, err error) {
	b := binary.AppendUvarint(nil, uint64(len(header)))
	if _, err := w.Write(append(b, header...)); err != nil {
		return written, err
	}
	for e := range entries {
		if err := e.check(); err != nil {
			return written, err
		}
		b = binary.AppendUvarint(b[:0], 1+uint64(len(e.Key)))
		b = append(b, e.Key...)
		b = binary.AppendUvarint(b, uint64(e.Revision))
		b = binary.AppendUvarint(b, uint64(len(e.Value)))
		b = append(b, e.Value...)
		if _, err := w.Write(b); err != nil {
			return written, err
		}
		written.add(&e)
	}
	_, err = w.Write(binary.AppendUvarint(binary.AppendUvarint(b[:0], 0), uint64(written.entries)))
	return written, err
}

// digest keeps the length and the checksum of what it passes on.
type digest struct {
	w    io.Writer
	size int64
	sum  uint32
}

// Write implements io.Writer.
func (d *digest) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	d.size += int64(n)
	d.sum = crc32.Update(d.sum, castagnoli, p[:n])
	return n, err
}
