package load

import (
	"bufio"
	"fmt"
	"io"
)

// Unique is a kind of questions that there is no end of: about names that don't exist, or
// by labels that no instance has.
type Unique struct {
	Name string
	// forms are the names below the zone, and the types: the first number in each is
	// another one each time, the second one that of a service.
	forms [2]string
}

// Uniques are all kinds.
var Uniques = []Unique{
	{"names", [2]string{"x%[1]d." + Namespace + ".%[3]s A", "x%[1]d.s%05[2]d." + Namespace + ".%[3]s A"}},
	{"tags", [2]string{"x%[1]d._tag.s%05[2]d." + Namespace + ".%[3]s A", "_http._tcp.x%[1]d._tag.s%05[2]d." + Namespace + ".%[3]s SRV"}},
	{"localities", [2]string{"x%[1]d.pin._zone.s%05[2]d." + Namespace + ".%[3]s A", "_http._tcp.x%[1]d.prefer._zone.s%05[2]d." + Namespace + ".%[3]s SRV"}},
}

// WriteUnique writes n questions, none of which is one of those with another first
// number.
func (d Dataset) WriteUnique(w io.Writer, u Unique, first, n int) error {
	b := bufio.NewWriter(w)
	for i := first; i < first+n; i++ {
		fmt.Fprintf(b, u.forms[i%len(u.forms)]+"\n", i, i%d.Services, Zone)
	}
	return b.Flush()
}
