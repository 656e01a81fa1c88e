// Package snapshot keeps a mirror on disk, so that a start without etcd has
// something to answer from: the form of the file, its atomic replacement, and a
// Writer that writes it in the background. It knows keys and values only.
//
// # File
//
// Integers of fixed size are big-endian; a uvarint is that of encoding/binary.
//
//	16 bytes   "roster snapshot\n"
//	 4 bytes   format version, now 2
//	           one zstd stream with a window of at most 8 MiB, which holds
//	             uvarint   length of the header, at most 4 MiB
//	                       the header: a JSON object in UTF-8
//	             for each entry, in any order:
//	               uvarint   1 + length of the key
//	                         the key, below the root
//	               uvarint   its modification revision
//	               uvarint   length of the value; key and value are at most 16 MiB
//	                         the value
//	             uvarint   0: no more entries
//	             uvarint   number of entries
//	 8 bytes   length of all before
//	 4 bytes   CRC-32C (Castagnoli) of all before
//
// What values are is up to the writer, and part of the version: see
// services.Restored. Files of version 1 differ in nothing else, and are read.
//
// The header's members are cluster, root, serial, offset, revision, and ranges, an
// array of objects with prefix, revision and contact (RFC 3339); presentation, a
// string that identifies how the writer shows the contents under the serial; and
// entries and bytes, the number of entries and the length of their keys and values
// together. Older writers leave out these three. Readers ignore others, so that members can be
// added without a new format version. Magic, version, length and checksum stay
// where they are in every version: a file that is of another version can be told
// from a damaged one.
//
// A reader believes a file only if nobody but its own user and root can write it.
// It checks first that the file is not longer than what the header says it holds
// can be, 4 GiB where it doesn't say, then the checksum of the whole. The bounds
// above hold even where the checksum is right: memory is bounded by the largest
// entry, whatever the file says.
package snapshot
