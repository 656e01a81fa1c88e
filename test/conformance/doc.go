// Package conformance asks a real server every kind of question and compares the
// whole messages with tables, which are the files testdata/*.txt: they say what
// a client can rely on, and which RFC, client or promise of Roster each answer
// stands for. It holds tests only.
//
// The server is the built coredns with testdata/Corefile; the registry in its etcd is
// testdata/registry.txt. Every question is asked over UDP and TCP and has the
// same answer, unless it says otherwise.
//
// A file of cases looks as follows. Names that don't end in a dot are below its
// origin, as in zone files.
//
//	$ORIGIN svc.internal.
//
//	## Services
//
//	# RFC 2308 2.2: no data of the type is no error, and has the SOA record
//	orders.shop MX
//	six.shop A
//	    NOERROR aa
//	    authority SOA svc.internal.
//
//	# RFC 6891 7: EDNS is answered with EDNS
//	six.shop AAAA edns=512 do
//	    NOERROR aa
//	    answer QNAME 5 AAAA 2001:db8::6
//
// A line "##" begins a group. A line "#" names what the next case stands for. Lines
// that are not indented are questions, each a case of its own: name, type, and
// what else is special about the query:
//
//	udp, tcp           ask over this transport only
//	rd, ad, cd         flags
//	edns, edns=SIZE    an OPT record, with 1232 octets or as stated
//	do, version=N      in the OPT record
//	ecs=PREFIX         a client subnet (RFC 7871)
//	option=CODE:HEX    any EDNS option, with data as stated
//	opts=N             so many OPT records
//	opt-first          another record follows the OPT record
//	class=NAME, opcode=NAME
//	questions=N        0, or the same question N times
//
// The indented lines are the answer: code and flags, and the records of the sections
// answer, authority and additional in any order. QNAME is the name that was
// asked for, as it was spelled. An OPT record is not among them: there is one, the
// last, in answers to queries with EDNS, and in no others.
//
//	answer RECORD            this record
//	authority SOA ZONE       the SOA record of the zone
//	answer 200 x A           so many records, all of the type; or 180..200 x A, or 0..2 x ANY
//	answer? RECORD           all records are among those that are marked so
//	option EDE CODE          an Extended DNS Error (RFC 8914)
//	option ECS PREFIX/SCOPE  a client subnet with a scope
package conformance
