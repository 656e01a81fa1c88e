//go:build acceptance

package acceptance_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// tool is a program that shows an answer section by section, after flags that are
// for its kind of server.
func tool(name, flags string, args ...string) client {
	return client{
		name: name, needs: []string{args[0]}, types: []string{"A", "AAAA", "SRV", "TXT"}, nodata: "NOERROR", nxdomain: "NXDOMAIN",
		parse: func(out string) answer { return parseSections(out, flags) },
		command: func(_ *testing.T, _, qtype, name string) harness.Command {
			return harness.Command{Path: args[0], Args: slices.Concat(args[1:], []string{name, qtype})}
		},
	}
}

// tools ask the server itself.
func tools() []client {
	const flags = "qr aa rd"
	dig := tool("dig", flags, "dig", "@127.0.0.1", "+tries=1")
	dig.echoes, dig.truncated = true, "Truncated, retrying in TCP mode"
	// It shows names in lower case.
	kdig := tool("kdig", flags, "kdig", "@127.0.0.1", "+retry=0")
	kdig.truncated = "truncated reply from 127.0.0.1@53(UDP), retrying over TCP"
	// By -a it asks again by TCP.
	drill := tool("drill", flags, "drill", "-a", "@127.0.0.1")
	drill.echoes = true
	return []client{dig, kdig, drill}
}

var rcodeLine = regexp.MustCompile(`(?:status|rcode): ([A-Z]+)`)

// parseSections reads messages as dig, kdig and drill print them. An answer with
// other flags, or that is negative and lacks the SOA record, is none.
func parseSections(out, flags string) answer {
	rcode := rcodeLine.FindStringSubmatch(out)
	if rcode == nil || !strings.Contains(strings.ToLower(out), "flags: "+flags) {
		return answer{outcome: "no code or flags"}
	}
	ans := answer{outcome: rcode[1]}
	section, soa := "", false
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		switch {
		case strings.HasSuffix(strings.TrimRight(line, ":\n"), " SECTION"):
			section = strings.TrimLeft(line, "; ")
		case len(fields) < 5 || strings.HasPrefix(line, ";"):
		case strings.HasPrefix(section, "ANSWER"):
			ans.records = append(ans.records, strings.ReplaceAll(strings.Join(fields[4:], " "), `"`, ""))
		case strings.HasPrefix(section, "AUTHORITY"):
			soa = soa || fields[3] == "SOA"
		}
	}
	switch {
	case len(ans.records) > 0 && ans.outcome == "NOERROR":
		ans.outcome = found
	case !soa:
		ans.outcome += " without SOA"
	}
	return ans
}
