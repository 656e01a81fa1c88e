package docs_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// dig does what the tour asks of dig, in the form in which dig does it: `make
// test` must not need it. The acceptance tests take the same tour with the real
// one.
func dig(args []string) int {
	server, port, short := "", "53", false
	var rest []string
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case strings.HasPrefix(arg, "@"):
			server = arg[1:]
		case arg == "-p" && i+1 < len(args):
			i++
			port = args[i]
		case arg == "+short":
			short = true
		default:
			rest = append(rest, arg)
		}
	}
	if len(rest) != 2 || dns.StringToType[rest[1]] == 0 {
		fmt.Fprintf(os.Stderr, "this dig takes NAME TYPE, got %q\n", rest)
		return 1
	}
	question := harness.Question{Name: rest[0], Type: dns.StringToType[rest[1]], Size: harness.DefaultSize}
	m, err := harness.Ask(context.Background(), net.JoinHostPort(server, port), question)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 9 // as dig has it
	}
	if short {
		for _, rr := range m.Answer {
			fmt.Println(strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
		return 0
	}
	fmt.Println(m)
	return 0
}
