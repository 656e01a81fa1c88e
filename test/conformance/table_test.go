package conformance

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// testCase is a question and the answer that it has to get.
type testCase struct {
	file, group, reference string
	query                  query
	want                   message
}

// message is what is expected of an answer.
type message struct {
	rcode    string
	flags    string // in lower case, in the order of dig
	sections map[string]*section
	options  []string
}

// section is what is expected of a section of an answer.
type section struct {
	records []string // in presentation form
	among   []string // if any, all records are among these
	// counts says that there are from least to most records, all of rrtype, rather
	// than which.
	counts      bool
	least, most int
	rrtype      string
}

// sectionNames are the sections of an answer in their order.
var sectionNames = []string{"answer", "authority", "additional"}

// reference is what a case can stand for: a section of an RFC, a program that
// depends on it, or what Roster itself promises.
var reference = regexp.MustCompile(`^(RFC \d+( [0-9.]+)?|[A-Za-z][\w. -]*): \S`)

// readTable reads all files of cases.
func readTable(t *testing.T) []testCase {
	t.Helper()
	files, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var all []testCase
	for _, name := range files {
		p := parser{file: filepath.Base(name)}
		if err := p.read(name); err != nil {
			t.Fatal(err)
		}
		all = append(all, p.cases...)
	}
	return all
}

// parser reads one file of cases.
type parser struct {
	file, origin     string
	group, reference string
	cases            []testCase
	// block is how many of the last cases share the answer that is being read.
	block    int
	inAnswer bool
}

func (p *parser) read(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if err := p.line(lines.Text()); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := p.end(); err != nil {
		return fmt.Errorf("%s: at the end: %w", name, err)
	}
	return lines.Err()
}

func (p *parser) line(line string) error {
	text := strings.TrimSpace(line)
	switch {
	case text == "":
		return p.end()
	case strings.HasPrefix(line, "$ORIGIN "):
		p.origin = strings.TrimPrefix(line, "$ORIGIN ")
	case strings.HasPrefix(line, "## "):
		p.group, p.reference = strings.TrimPrefix(line, "## "), ""
	case strings.HasPrefix(line, "# "):
		p.reference = strings.TrimPrefix(line, "# ")
		if !reference.MatchString(p.reference) {
			return fmt.Errorf("%q is not an RFC with a section, a client or Roster, followed by a colon and what it says", p.reference)
		}
	case line == text:
		return p.question(strings.Fields(text))
	default:
		return p.answer(text)
	}
	return nil
}

// end ends a block of questions with one answer.
func (p *parser) end() error {
	if p.block > 0 && !p.inAnswer {
		return fmt.Errorf("%v has no answer", p.cases[len(p.cases)-1].query)
	}
	p.block, p.inAnswer, p.reference = 0, false, ""
	return nil
}

func (p *parser) question(fields []string) error {
	if p.group == "" || p.reference == "" || p.inAnswer {
		return fmt.Errorf("the question %q needs a group, a reference, and an empty line after the answer before it", fields)
	}
	q, err := parseQuery(fields, p.origin)
	if err != nil {
		return err
	}
	p.cases = append(p.cases, testCase{p.file, p.group, p.reference, q, message{sections: map[string]*section{}}})
	p.block++
	return nil
}

// answer adds a line to the answers of all questions of the block.
func (p *parser) answer(text string) error {
	first := !p.inAnswer
	p.inAnswer = true
	for i := len(p.cases) - p.block; i < len(p.cases); i++ {
		c := &p.cases[i]
		if first {
			c.want.rcode, c.want.flags, _ = strings.Cut(text, " ")
			if _, ok := dns.StringToRcode[c.want.rcode]; !ok && c.want.rcode != badVers {
				return fmt.Errorf("%q is no code of an answer", c.want.rcode)
			}
			continue
		}
		if err := c.want.add(strings.ReplaceAll(text, "QNAME", c.query.name), p.origin); err != nil {
			return err
		}
	}
	return nil
}

// add adds what a line says of an answer.
func (m *message) add(text, origin string) error {
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	if word == "option" {
		m.options = append(m.options, rest)
		return nil
	}
	name, among := strings.CutSuffix(word, "?")
	s := m.sections[name]
	if s == nil {
		s = &section{}
		m.sections[name] = s
	}
	count, rrtype, counted := strings.Cut(rest, " x ")
	zone, isSOA := strings.CutPrefix(rest, "SOA ")
	switch {
	case name != "answer" && name != "authority" && name != "additional":
		return fmt.Errorf("%q is no section of an answer", name)
	case counted:
		return s.count(count, rrtype)
	case isSOA:
		soa, ok := soas[zone]
		if !ok {
			return fmt.Errorf("%q is no zone of the server", zone)
		}
		s.records = append(s.records, soa)
		return nil
	}
	rr, err := parseRecord(rest, origin)
	if err != nil {
		return err
	}
	if among {
		s.among = append(s.among, rr)
	} else {
		s.records = append(s.records, rr)
	}
	return nil
}

func (s *section) count(count, rrtype string) (err error) {
	least, most, isRange := strings.Cut(count, "..")
	if !isRange {
		most = least
	}
	s.counts, s.rrtype = true, rrtype
	if s.least, err = strconv.Atoi(least); err != nil {
		return err
	}
	s.most, err = strconv.Atoi(most)
	return err
}

// parseRecord reads a line of a zone file. It must state a TTL.
func parseRecord(line, origin string) (string, error) {
	z := dns.NewZoneParser(strings.NewReader(line+"\n"), origin, "")
	rr, _ := z.Next()
	if err := z.Err(); err != nil {
		return "", err
	}
	if rr == nil {
		return "", fmt.Errorf("%q is not a record", line)
	}
	return presentation(rr), nil
}

// presentation is the form in which records are compared.
func presentation(rr dns.RR) string { return strings.Join(strings.Fields(rr.String()), " ") }
