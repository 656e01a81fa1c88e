package roster

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// forms returns every form of the grammar as documents write it, each label of
// several spellings once with each.
func forms() map[string]kind {
	shortest := map[kind]string{kindApex: "Z", kindSelection: "SEL.S.N.Z"}
	out := map[string]kind{}
	for len(out) == 0 || len(shortest) < int(kindCount)-2 { // but for kindNone and kindReverse
		before := len(shortest)
		for _, r := range grammar {
			from, known := shortest[r.from]
			if !known {
				continue
			}
			for text := range strings.SplitSeq(r.label.text, "|") {
				form := text + "." + from
				// Below ports there are no selectors, and DNS-SD is below UDP.
				form = strings.ReplaceAll(form, "_dns-sd._T.", "_dns-sd._udp.")
				out[form] = r.to
				if _, known := shortest[r.to]; !known {
					shortest[r.to] = form
				}
			}
		}
		if len(shortest) == before {
			break
		}
	}
	return out
}

// TestForms checks that each form of the grammar parses as what it is, with
// something in the place of what stands for it.
func TestForms(t *testing.T) {
	t.Parallel()
	all := forms()
	if len(all) < len(grammar) {
		t.Errorf("%d forms of %d rules", len(all), len(grammar))
	}
	replace := strings.NewReplacer("SEL.", "canary._tag.", "_PORT.", "_8443.", "_P.", "_http.", "_T.", "_tcp.", "TAG.", "canary.")
	for form, want := range all {
		qname := replace.Replace(strings.TrimSuffix(form, "Z"))
		for _, l := range []struct{ stands, is string }{{"I.", "a."}, {"S.", "orders."}, {"N.", "default."}, {"L.", "az1."}} {
			qname = regexp.MustCompile(`(^|\.)`+regexp.QuoteMeta(l.stands)).ReplaceAllString(qname, "${1}"+l.is)
		}
		if got := parseName(qname+"svc.internal.", "svc.internal."); got.kind != want {
			t.Errorf("%s, as %s: kind %d, want %d", form, qname, got.kind, want)
		}
	}
}

// TestReadmeForms checks that the README has each form of the grammar, and no others.
func TestReadmeForms(t *testing.T) {
	t.Parallel()
	_, text, _ := strings.Cut(readme(t), "\n### Names\n")
	text, _, _ = strings.Cut(text, "\nThe target of an SRV")
	var written []string
	for _, m := range regexp.MustCompile("`([^` ]+\\.Z)`").FindAllStringSubmatch(text, -1) {
		written = append(written, m[1])
	}
	all := forms()
	for _, form := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains(written, form) {
			t.Errorf("the README has no `%s`", form)
		}
	}
	for _, form := range written {
		// Those of the zone's own, and of rules that follow on more than one form.
		more := []string{"ns.dns.Z", "SEL.S.N.Z", "_P._T.SEL.S.N.Z", "L.prefer._zone.S.N.Z", "_services._dns-sd._udp.S.N.Z"}
		if _, known := all[form]; !known && !slices.Contains(more, form) {
			t.Errorf("`%s` of the README is no form of the grammar", form)
		}
	}
}

// readmeLines are the lines of all blocks of the README that are in a language.
func readmeLines(t *testing.T, language string) (lines []string) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?ms)^~~~ "+language+"\n(.*?)^~~~$").FindAllStringSubmatch(readme(t), -1) {
		lines = append(lines, strings.Split(strings.TrimSuffix(m[1], "\n"), "\n")...)
	}
	return lines
}

// readmeQuestions are the questions that the README asks, with their answers.
func readmeQuestions(t *testing.T) map[string][]string {
	t.Helper()
	asked := map[string][]string{}
	question := ""
	for _, line := range readmeLines(t, "console") {
		if q, is := strings.CutPrefix(line, "$ dig +short "); is {
			name, rrtype, _ := strings.Cut(q, " ")
			question = name + ". " + rrtype
			asked[question] = nil
			continue
		}
		asked[question] = append(asked[question], line)
	}
	return asked
}

// readmeRow is a row of the README's table of names. Forms are those of names, none of
// a row whose names have no form.
type readmeRow struct{ forms, types []string }

func readmeRows(t *testing.T) (rows []readmeRow) {
	t.Helper()
	_, text, _ := strings.Cut(readme(t), "\n### Names\n")
	isTypes := regexp.MustCompile(`^[A-Z]+(, [A-Z]+)*$`)
	var forms []string
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !isTypes.MatchString(strings.TrimSpace(cells[2])) {
			continue
		}
		if strings.TrimSpace(cells[1]) != "" { // else the names of the row above
			forms = nil
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				forms = append(forms, m[1])
			}
		}
		rows = append(rows, readmeRow{forms, strings.Split(strings.TrimSpace(cells[2]), ", ")})
	}
	return rows
}

// TestReadmeExamples checks that the README asks for each name of its table, by a type
// that the table states, and for each of these types.
func TestReadmeExamples(t *testing.T) {
	t.Parallel()
	asked := map[kind][]string{} // the types
	for question := range readmeQuestions(t) {
		qname, rrtype, _ := strings.Cut(question, " ")
		k := parseName(qname, "svc.internal.").kind
		asked[k] = append(asked[k], rrtype)
	}
	all := forms()
	maps.Copy(all, map[string]kind{
		"Z": kindApex, "ns.dns.Z": kindNone, "SEL.S.N.Z": kindSelection, "_P._T.SEL.S.N.Z": kindPort, "_services._dns-sd._udp.S.N.Z": kindPortTypes,
	})
	rows := readmeRows(t)
	if len(rows) < 15 {
		t.Errorf("found only %d rows of names", len(rows))
	}
	for _, row := range rows {
		var examples []string
		for _, form := range row.forms {
			if !slices.ContainsFunc(asked[all[form]], func(rrtype string) bool { return slices.Contains(row.types, rrtype) }) {
				t.Errorf("no question for %s of the types %q", form, row.types)
			}
			examples = append(examples, asked[all[form]]...)
		}
		for _, rrtype := range row.types {
			if len(row.forms) > 0 && !slices.Contains(examples, rrtype) {
				t.Errorf("no question of the type %s for %q", rrtype, row.forms)
			}
		}
	}
}

// TestReadmeAnswers asks what the README asks of the registry that it shows.
func TestReadmeAnswers(t *testing.T) {
	t.Parallel()
	vs := values{}
	for _, line := range readmeLines(t, "registry") {
		key, value, _ := strings.Cut(line, " ")
		vs[key] = value
	}
	r := serving(t, "roster svc.internal 10.in-addr.arpa", vs)
	r.upstream = found(t, dns.RcodeRefused, nil, nil)
	asked := readmeQuestions(t)
	if len(asked) < 20 {
		t.Errorf("%d questions", len(asked))
	}
	for question, want := range asked {
		var got []string
		for _, rr := range ask(t, r, query(question), true).Answer {
			got = append(got, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", question, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
