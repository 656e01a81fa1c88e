package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// Errors of Open and of Entries, for errors.Is.
var (
	// ErrCorrupt says that what is there is no whole snapshot: it is torn,
	// truncated, damaged, or something else.
	ErrCorrupt = errors.New("not a whole snapshot")
	// ErrVersion says that a snapshot is whole but of a format version that
	// this program doesn't know.
	ErrVersion = errors.New("unknown format version")
)

// File is a snapshot that was found to be whole. Its methods are safe for
// concurrent use.
type File struct {
	path   string
	f      *os.File
	size   int64
	header Header
}

// Open opens the snapshot at path, and reads all of it once to see that it is
// what Write made of it. An error is fs.ErrNotExist, ErrCorrupt, ErrVersion, or
// another of the file system, wrapped; the message tells which file, what is
// wrong with it, and what becomes of it. A File needs a Close.
func Open(path string) (*File, error) {
	f, err := open(path)
	switch {
	case errors.Is(err, ErrCorrupt):
		return nil, fmt.Errorf("snapshot %q: %w (the next one replaces it; is the path that of something else?)", path, err)
	case errors.Is(err, ErrVersion):
		return nil, fmt.Errorf("snapshot %q: %w (the next one replaces it; it takes a newer version of this program to read)", path, err)
	case err != nil:
		return nil, fmt.Errorf("snapshot %q: %w", path, err)
	}
	return f, nil
}

func open(path string) (*File, error) {
	// Before it is opened, which for a named pipe would wait for its other end.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, corrupt("not a regular file (%s)", info.Mode())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &File{path: path, f: f}
	if err := s.load(); err != nil {
		_ = f.Close() // was only read
		return nil, err
	}
	return s, nil
}

// load checks the file and reads its header.
func (f *File) load() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	f.size = info.Size()
	if err := verify(f.f, f.size); err != nil {
		return err
	}
	d, err := newDecoder(f.body())
	if err != nil {
		return err
	}
	defer d.close()
	header, err := d.readHeader()
	if err != nil {
		return err
	}
	if err := f.header.unmarshal(header); err != nil {
		return fmt.Errorf("%w: header: %w", ErrCorrupt, err)
	}
	return nil
}

// verify checks all of a snapshot but what the body says.
func verify(r io.ReaderAt, size int64) error {
	if size < int64(preambleSize+trailerSize) {
		return corrupt("%d bytes are less than the shortest has", size)
	}
	var preamble [preambleSize]byte
	var trailer [trailerSize]byte
	if _, err := r.ReadAt(preamble[:], 0); err != nil {
		return shrunk(err)
	}
	if _, err := r.ReadAt(trailer[:], size-int64(trailerSize)); err != nil {
		return shrunk(err)
	}
	if got := string(preamble[:len(magic)]); got != magic {
		return corrupt("it starts with %q instead of %q", got, magic)
	}
	before := uint64(size) - uint64(trailerSize)
	if want := binary.BigEndian.Uint64(trailer[:]); want != before {
		return corrupt("the last of its %d bytes say that %d stand before them: the end is missing or damaged", size, want)
	}
	sum := crc32.New(castagnoli)
	if n, err := io.Copy(sum, io.NewSectionReader(r, 0, size-4)); err != nil {
		return err
	} else if n != size-4 {
		return shrunk(io.EOF)
	}
	if got, want := sum.Sum32(), binary.BigEndian.Uint32(trailer[8:]); got != want {
		return corrupt("the checksum of its %d bytes is %08x instead of %08x", size, got, want)
	}
	// The checksum goes first: a damaged version is damage.
	if got := binary.BigEndian.Uint32(preamble[len(magic):]); got != version {
		return fmt.Errorf("%w %d instead of %d", ErrVersion, got, version)
	}
	return nil
}

// corrupt is ErrCorrupt with what is wrong.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrCorrupt, fmt.Errorf(format, args...))
}

// shrunk makes an end that comes before the size that the file had a damage.
func shrunk(err error) error {
	if errors.Is(err, io.EOF) {
		return corrupt("it was cut off while it was read: %w", io.ErrUnexpectedEOF)
	}
	return err
}

func (f *File) body() io.Reader {
	return io.NewSectionReader(f.f, int64(preambleSize), f.size-int64(preambleSize+trailerSize))
}

// Size returns the length of the file in bytes.
func (f *File) Size() int64 { return f.size }

// Header returns what the snapshot says of its entries. The caller must not
// change its Ranges.
func (f *File) Header() Header { return f.header }

// Close closes the file, with the error of os.File's Close.
func (f *File) Close() error { return f.f.Close() }
