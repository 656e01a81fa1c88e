package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
)

// File is an open snapshot. It keeps its contents when it is replaced. Its
// methods are safe for concurrent use, but Close ends the others' reading.
type File struct {
	f      *os.File
	path   string
	size   int64 // of all before the trailer
	header Header
	holds  *contents // nil where the header doesn't tell
}

// Open opens the snapshot at path and checks the whole of it; one that belongs to
// somebody else than this process's user and root, or that others can write, is
// refused. Errors wrap fs.ErrNotExist, ErrCorrupt, ErrVersion, or what else the
// system says. It doesn't wait for anything but the disk, whatever is there.
func Open(path string) (*File, error) {
	f, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("reading snapshot %q: %w", path, err)
	}
	return f, nil
}

func open(path string) (*File, error) {
	// Asked before opening, since opening a pipe would wait for its writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notFile(info)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{f: file, path: path}
	if err := f.load(); err != nil {
		_ = file.Close() // the other error says more
		return nil, err
	}
	return f, nil
}

// load checks the file and reads its header. What is wrong is found before all
// of the file is read, as far as it can be.
func (f *File) load() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	if err := checkOwner(info); err != nil {
		return err
	}
	v, err := f.readFrame(info.Size())
	if err != nil {
		return err
	}
	limit, known := int64(maxUnmeasured), v >= oldestVersion && v <= version
	if known {
		if limit, err = f.readHeader(); err != nil {
			return err
		}
	}
	if f.size > limit {
		return fmt.Errorf("%w: it has %d bytes, and can't have more than %d", ErrCorrupt, info.Size(), limit)
	}
	if err := f.verify(); err != nil {
		return err
	}
	if !known {
		return fmt.Errorf("%w %d, this program knows %d to %d: run the program that wrote it, or let the next write replace it", ErrVersion, v, oldestVersion, version)
	}
	return nil
}

// readFrame checks what is around the compressed part, which is the same in all
// format versions, and returns which one this is.
func (f *File) readFrame(size int64) (uint32, error) {
	if size < int64(preambleSize+trailerSize) {
		return 0, fmt.Errorf("%w: it has only %d bytes", ErrCorrupt, size)
	}
	f.size = size - int64(trailerSize)
	start, length := make([]byte, preambleSize), make([]byte, 8)
	if err := f.readAt(start, 0); err != nil {
		return 0, err
	}
	if err := f.readAt(length, f.size); err != nil {
		return 0, err
	}
	if string(start[:len(magic)]) != magic {
		return 0, fmt.Errorf("%w: it starts with %q", ErrCorrupt, start[:len(magic)])
	}
	if binary.BigEndian.Uint64(length) != uint64(f.size) {
		return 0, fmt.Errorf("%w: it has %d bytes, but its end states another length", ErrCorrupt, size)
	}
	return binary.BigEndian.Uint32(start[len(magic):]), nil
}

// readHeader reads the header, and returns how long the file can be.
func (f *File) readHeader() (limit int64, err error) {
	// Bounded, since a body can go on without end before its first byte.
	d, err := newDecoder(io.LimitReader(f.body(), maxHeaderBody))
	if err != nil {
		return 0, err
	}
	defer d.close()
	header, err := d.readHeader()
	if err != nil {
		return 0, err
	}
	if f.holds, err = f.header.unmarshal(header); err != nil {
		return 0, fmt.Errorf("%w: header: %w", ErrCorrupt, err)
	}
	return maxSize(int64(len(header)), f.holds), nil
}

// verify compares the checksum.
func (f *File) verify() error {
	end := make([]byte, crc32.Size)
	if err := f.readAt(end, f.size+8); err != nil {
		return err
	}
	sum, err := f.sum(f.size + 8)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(end) != sum {
		return fmt.Errorf("%w: its checksum is wrong", ErrCorrupt)
	}
	return nil
}

// sum returns the checksum of the first n bytes.
func (f *File) sum(n int64) (uint32, error) {
	h := crc32.New(castagnoli)
	_, err := io.CopyBuffer(h, io.NewSectionReader(f.f, 0, n), make([]byte, bufferSize))
	return h.Sum32(), err
}

func (f *File) readAt(b []byte, offset int64) error {
	_, err := f.f.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it got shorter while it was read", ErrCorrupt)
	}
	return err
}

// body returns the compressed part.
func (f *File) body() io.Reader {
	return io.NewSectionReader(f.f, int64(preambleSize), f.size-int64(preambleSize))
}

// Header returns what the file is of. The caller must not change its Ranges.
func (f *File) Header() Header { return f.header }

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Entries returns the entries in the order in which they were written, each time
// from the start. They are read from disk and decoded as they are asked for: a
// Value is valid until the next one. An error is the last of the sequence, and comes with an empty
// Entry; it wraps ErrCorrupt where the file was made to mislead, since its
// checksum was right.
func (f *File) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		d, err := newDecoder(f.body())
		if err == nil {
			defer d.close()
			d.holds = f.holds
			_, err = d.readHeader()
		}
		for err == nil {
			var e Entry
			if e, err = d.next(); err == nil && !yield(e, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(Entry{}, fmt.Errorf("reading snapshot %q: %w", f.path, err))
		}
	}
}
