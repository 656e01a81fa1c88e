package wire

// What messages consist of (RFC 1035, 4.1, and RFC 6891, 6.1).
const (
	headerSize = 12
	// pointer marks a compression pointer, whose other bits are an offset in the
	// message.
	pointer = 0xc000
	// maxPointer is the largest offset that a compression pointer can have.
	maxPointer = 1<<14 - 1
	// fixedSize is an owner that is a compression pointer, and type, class, TTL and
	// length of the data.
	fixedSize = 2 + 10
	// MaxName is the length of a name in octets, and maxLabel that of a label.
	MaxName  = 255
	maxLabel = 63

	classINET = 1
	typeSOA   = 6
	typeSRV   = 33
	typeOPT   = 41
	// optSize is the size of an OPT record without options.
	optSize = 11
)

// Bits of the second half of a header, and DNSSEC OK in that of an OPT record's TTL.
const (
	bitQR = 1 << 15
	bitAA = 1 << 10
	bitTC = 1 << 9
	bitRD = 1 << 8
	bitAD = 1 << 5
	bitCD = 1 << 4
	bitDO = 1 << 15
)
