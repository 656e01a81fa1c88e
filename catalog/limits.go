package catalog

// Limits of an instance. They hold a value within what one etcd request and
// one DNS message can carry, whoever writes it.
const (
	// MaxValueSize is the size of an instance's JSON form in bytes.
	MaxValueSize = 64 << 10
	// MaxAddresses, MaxPorts and MaxTags bound the lists of an instance.
	MaxAddresses = 32
	MaxPorts     = 32
	MaxTags      = 32
	// MaxLabel is the length of a DNS label in octets (RFC 1035, 2.3.4).
	MaxLabel = 63
	// MaxMetadataKey holds a key of metadata well within its pair.
	MaxMetadataKey = 63
	// MaxMetadataPair is the length of "key=value": one character-string of a
	// TXT record (RFC 1035, 3.3).
	MaxMetadataPair = 255
	// MaxMetadata is the length of all pairs of an instance together.
	MaxMetadata = 4 << 10
	// maxHost is the length of a hostname in text without the last dot (RFC 1035, 2.3.4).
	maxHost = 253
	// maxPortName is the length of a service name (RFC 6335, 5.1).
	maxPortName = 15
)
