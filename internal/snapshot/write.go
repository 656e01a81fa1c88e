package snapshot

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"syscall"

	"github.com/klauspost/compress/zstd"
)

// bufferSize is how much is read or written at once.
const bufferSize = 64 << 10

// output is what is asked of a temporary file, for tests to make it fail.
type output interface {
	io.Writer
	Sync() error
}

// Write puts a snapshot in place of the file at path, if there is one, and
// returns its size in bytes. At every moment path is the old file or the new
// one, whole, whatever becomes of the process or the machine; when Write returns
// without an error it is the new one and stays. Others can write to the same
// path at the same time: one of the files lasts.
//
// The file can be read by its owner alone. It is made beside path, under a name
// that starts with path's; what former writes left there that were interrupted
// is removed. A symbolic link at path is replaced, not followed.
//
// Errors are those of the file system, wrapped, and of a header or an entry that
// is beyond the bounds of the format.
func Write(path string, h Header, entries iter.Seq[Entry]) (size int64, err error) {
	return write(path, h, entries, func(f *os.File) output { return f })
}

func write(path string, h Header, entries iter.Seq[Entry], through func(*os.File) output) (size int64, err error) {
	removeLeftovers(path) // first, since they can be what fills the disk
	f, err := createTemp(path)
	if err != nil {
		return 0, fmt.Errorf("writing snapshot %q: %w", path, err)
	}
	defer func() {
		_ = f.Close() // all is synced where it matters
		if err != nil {
			_ = os.Remove(f.Name()) // the next write does it else
			err = fmt.Errorf("writing snapshot %q: %w", path, err)
		}
	}()
	out := through(f)
	if size, err = encode(out, h, entries); err != nil {
		return 0, err
	}
	if err = out.Sync(); err != nil {
		return 0, err
	}
	if !canLock {
		_ = f.Close() // Windows renames no open file
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return 0, err
	}
	return size, syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename last. Some file systems need and know no such thing.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// digest passes on what is written to it, and keeps its length and checksum.
type digest struct {
	w   io.Writer
	n   int64
	sum uint32
}

// Write implements io.Writer.
func (d *digest) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	d.n += int64(n)
	d.sum = crc32.Update(d.sum, castagnoli, p[:n])
	return n, err
}

// encode writes a snapshot to w and returns its size.
func encode(w io.Writer, h Header, entries iter.Seq[Entry]) (int64, error) {
	buffered := bufio.NewWriterSize(w, bufferSize)
	d := &digest{w: buffered}
	if _, err := d.Write(preamble(version)); err != nil {
		return 0, err
	}
	// In this goroutine, so that a write takes one core at most.
	z, err := zstd.NewWriter(d, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false)) // the trailer's covers all
	if err != nil {
		return 0, err
	}
	if err := encodeBody(z, h, entries); err != nil {
		return 0, err
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	if _, err := d.Write(binary.BigEndian.AppendUint64(nil, uint64(d.n))); err != nil {
		return 0, err
	}
	if _, err := d.Write(binary.BigEndian.AppendUint32(nil, d.sum)); err != nil {
		return 0, err
	}
	return d.n, buffered.Flush()
}

func encodeBody(w io.Writer, h Header, entries iter.Seq[Entry]) error {
	header, err := h.marshal()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	buf := append(binary.AppendUvarint(nil, uint64(len(header))), header...)
	if _, err := w.Write(buf); err != nil {
		return err
	}
	count := uint64(0)
	for e := range entries {
		if len(e.Key)+len(e.Value) > maxEntry || e.Revision < 0 {
			return fmt.Errorf("key %.256q with a value of %d bytes at revision %d is beyond the bounds of a snapshot",
				e.Key, len(e.Value), e.Revision)
		}
		buf = append(binary.AppendUvarint(buf[:0], uint64(len(e.Key))+1), e.Key...)
		buf = binary.AppendUvarint(buf, uint64(e.Revision))
		buf = append(binary.AppendUvarint(buf, uint64(len(e.Value))), e.Value...)
		if _, err := w.Write(buf); err != nil {
			return err
		}
		count++
	}
	_, err = w.Write(binary.AppendUvarint(binary.AppendUvarint(buf[:0], 0), count))
	return err
}
