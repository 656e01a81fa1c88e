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

// TestReadmeAnswers asks what the README asks of the registry that it shows.
func TestReadmeAnswers(t *testing.T) {
	t.Parallel()
	block := func(language string) []string {
		m := regexp.MustCompile("(?ms)^~~~ " + language + "\n(.*?)^~~~$").FindStringSubmatch(readme(t))
		if m == nil {
			t.Fatalf("no block of %s", language)
		}
		return strings.Split(strings.TrimSuffix(m[1], "\n"), "\n")
	}
	vs := values{}
	for _, line := range block("registry") {
		key, value, _ := strings.Cut(line, " ")
		vs[key] = value
	}
	r := serving(t, "roster svc.internal 10.in-addr.arpa", vs)
	r.upstream = found(t, dns.RcodeRefused, nil, nil)
	asked := map[string][]string{}
	question := ""
	for _, line := range block("console") {
		if q, is := strings.CutPrefix(line, "$ dig +short "); is {
			name, rrtype, _ := strings.Cut(q, " ")
			question = name + ". " + rrtype
			asked[question] = nil
			continue
		}
		asked[question] = append(asked[question], line)
	}
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
