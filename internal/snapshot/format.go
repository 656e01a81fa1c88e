package snapshot

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
)

var (
	// ErrCorrupt is returned for a file that is damaged or incomplete, or was
	// never a snapshot. It is not returned where reading fails, say for lack of
	// permission.
	ErrCorrupt = errors.New("not a whole snapshot: ignored until the next write replaces it")
	// ErrVersion is returned for a whole snapshot in a format of another version.
	ErrVersion = errors.New("unknown format version")
)

// The parts of the file that are not compressed.
const (
	magic = "roster snapshot\n"
	// version is the format version that is written. It says what values are, too:
	// that of an instance is a record since version 2, of which readers of version 1,
	// where it is JSON, would make nothing.
	version = 2
	// oldestVersion is the first one that is read.
	oldestVersion = 1

	preambleSize = len(magic) + 4
	trailerSize  = 8 + 4
)

// Bounds, which keep a file from taking more memory than its contents are worth.
// Writers keep to them, since readers do.
const (
	// maxHeader leaves room for 30,000 ranges.
	maxHeader = 4 << 20
	// maxHeaderBody is how much of the compressed part has to hold the header: it
	// doesn't grow by more than block headers, and shares a block with entries.
	maxHeaderBody = maxHeader + 1<<20
	// maxEntry is for key and value together: ten times what etcd takes in one
	// request unless it is told to take more.
	maxEntry = 16 << 20
	// maxUnmeasured is how long a file can be whose header doesn't say how much it
	// holds: that of 20 million instances.
	maxUnmeasured = 4 << 30
	// maxContents keeps sums of what a header says it holds from overflowing. It is
	// more than fits into any memory.
	maxContents = 1 << 50
	// entryOverhead is the most that an entry takes besides its key and value: three
	// uvarints.
	entryOverhead = 3 * binary.MaxVarintLen64
	// maxRevision is what etcd's type for it holds.
	maxRevision = math.MaxInt64
	// maxWindow is the most that zstd recommends for all decoders to support
	// (RFC 8878, 3.1.1.1.2). A decoder can hold twice that.
	maxWindow = 8 << 20
	// window is what writers use: entries resemble their neighbours, so that more
	// of it buys nothing but memory.
	window = 256 << 10
)

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// preamble is what a file of a format version starts with.
func preamble(version uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte(magic), version)
}

// bufferSize is large enough to make system calls cheap beside the work on what
// they bring.
const bufferSize = 64 << 10
