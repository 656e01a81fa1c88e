package snapshot

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// decoder reads the compressed part of a file.
type decoder struct {
	src   *source
	z     *zstd.Decoder
	r     *bufio.Reader
	buf   []byte    // of the last value
	holds *contents // what there should be; nil where nobody knows
	read  contents  // entries so far
}

func newDecoder(body io.Reader) (*decoder, error) {
	src := &source{r: body}
	z, err := zstd.NewReader(bufio.NewReaderSize(src, bufferSize),
		zstd.WithDecoderConcurrency(1), // in this goroutine
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow),
		zstd.WithDecoderMaxMemory(maxWindow)) // the same for frames that have no window of their own
	if err != nil {
		return nil, err
	}
	return &decoder{src: src, z: z, r: bufio.NewReaderSize(z, bufferSize)}, nil
}

func (d *decoder) close() { d.z.Close() }

// readHeader reads the header, still as JSON. It is valid until next.
func (d *decoder) readHeader() ([]byte, error) {
	n, err := d.uvarint("length of the header", maxHeader)
	if err != nil {
		return nil, err
	}
	return d.bytes("header", n)
}

// next reads an entry, whose Value is valid until the next one. It returns
// io.EOF after the last, if that is where the file ends.
func (d *decoder) next() (Entry, error) {
	keySize, err := d.uvarint("length of a key", maxEntry+1)
	if err != nil {
		return Entry{}, err
	}
	if keySize == 0 {
		return Entry{}, d.finish()
	}
	keySize--
	b, err := d.bytes("key", keySize)
	if err != nil {
		return Entry{}, err
	}
	key := string(b)
	revision, err := d.uvarint("revision", maxRevision)
	if err != nil {
		return Entry{}, err
	}
	size, err := d.uvarint("length of a value", maxEntry-keySize)
	if err != nil {
		return Entry{}, err
	}
	value, err := d.bytes("value", size)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Key: key, Value: value, Revision: int64(revision)}
	d.read.add(&e)
	if d.holds != nil && (d.read.entries > d.holds.entries || d.read.bytes > d.holds.bytes) {
		return Entry{}, d.unlikeHeader()
	}
	return e, nil
}

// finish checks what follows the last entry: io.EOF if all is well.
func (d *decoder) finish() error {
	count, err := binary.ReadUvarint(d.r)
	if err != nil {
		return d.failed("number of entries", err)
	}
	if count != uint64(d.read.entries) {
		return fmt.Errorf("%w: it has %d entries, but states %d", ErrCorrupt, d.read.entries, count)
	}
	if d.holds != nil && d.read != *d.holds {
		return d.unlikeHeader()
	}
	switch _, err := d.r.ReadByte(); {
	case err == nil:
		return fmt.Errorf("%w: it continues after the last entry", ErrCorrupt)
	case errors.Is(err, io.EOF) && d.src.err == nil:
		return io.EOF
	default:
		return d.failed("end", err)
	}
}

// unlikeHeader is the error of contents that are not what the header says.
func (d *decoder) unlikeHeader() error {
	return fmt.Errorf("%w: its header says %d entries of %d bytes, of which %d of %d were read",
		ErrCorrupt, d.holds.entries, d.holds.bytes, d.read.entries, d.read.bytes)
}

// uvarint reads an integer that is at most limit.
func (d *decoder) uvarint(what string, limit uint64) (uint64, error) {
	n, err := binary.ReadUvarint(d.r)
	if err != nil {
		return 0, d.failed(what, err)
	}
	if n > limit {
		return 0, fmt.Errorf("%w: %s is %d, more than %d", ErrCorrupt, what, n, limit)
	}
	return n, nil
}

// bytes reads n bytes, valid until the next call.
func (d *decoder) bytes(what string, n uint64) ([]byte, error) {
	d.buf = slices.Grow(d.buf[:0], int(n))[:n]
	if _, err := io.ReadFull(d.r, d.buf); err != nil {
		return nil, d.failed(what, err)
	}
	return d.buf, nil
}

// failed says whether the disk or the contents are to blame for an error.
func (d *decoder) failed(what string, err error) error {
	if d.src.err != nil {
		return d.src.err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // there is more to come, also where nothing was read
	}
	return fmt.Errorf("%w: %s: %w", ErrCorrupt, what, err)
}

// source remembers an error of the disk, which contents aren't to blame for.
type source struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
