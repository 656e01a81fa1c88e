package manual_test

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/cmd/registrar/internal/manual"
)

// program returns a program with two commands, of which one is hidden.
func program() *cobra.Command {
	root := &cobra.Command{Use: "prog", Short: "Do things", Long: "Prog does *things*.\n\n  shown   as\n  it      is\n\nAnd <more>.", Example: "  prog run"}
	root.PersistentFlags().DurationP("timeout", "t", 5, "give up after `DURATION`")
	run := &cobra.Command{Use: "run A_B [flags]", Short: "Run", Example: "  prog run a\n  prog run b", Run: func(*cobra.Command, []string) {}}
	run.Flags().Bool("once", false, "run once")
	run.Flags().String("zone", "svc", "`ZONE` to use (default \"svc\")")
	hidden := &cobra.Command{Use: "hidden", Hidden: true, Run: func(*cobra.Command, []string) {}}
	root.AddCommand(run, hidden)
	return root
}

var sample = manual.Manual{
	Version:   "v1.2.3",
	Exits:     []manual.Exit{{Code: 0, Meaning: "success"}, {Code: 3, Meaning: "not found"}},
	Variable:  func(flag string) string { return "PROG_" + strings.ToUpper(flag) },
	Variables: []manual.Variable{{Name: "NO_COLOR", Meaning: "no colours"}},
}

func TestPage(t *testing.T) {
	t.Parallel()
	root := program()
	const want = `.nh
.TH "PROG-RUN" "1" "" "prog v1.2.3" "Roster"

.SH NAME
prog-run \- Run


.SH SYNOPSIS
\fBprog run\fP A_B [flags]


.SH DESCRIPTION
Run.


.SH OPTIONS
.TP
\fB--once\fP
run once

.TP
\fB--zone\fP ZONE
ZONE to use (default "svc")


.SH EXIT STATUS
.TP
0
success

.TP
3
not found


.SH EXAMPLES
.in 0
.EX
  prog run a
  prog run b
.EE
.in


.SH SEE ALSO
\fBprog\fP(1)
`
	if got := string(sample.Page(root.Commands()[1])); got != want {
		t.Errorf("the page is\n%s\nwant\n%s", got, want)
	}
}

func TestRootPage(t *testing.T) {
	t.Parallel()
	page := string(sample.Page(program()))
	for _, want := range []string{
		"Prog does *things*\\&.\n", ".EX\n  shown   as\n  it      is\n.EE\n", "And <more>\\&.\n",
		".SH COMMANDS\n.TP\n\\fBrun\\fP\nRun\n", "\\fB-t\\fP, \\fB--timeout\\fP DURATION\ngive up after DURATION (default 5ns)\n",
		".SH ENVIRONMENT\n.TP\n\\fBPROG_TIMEOUT\\fP\n--timeout\n", "\\fBNO_COLOR\\fP\nno colours\n", ".SH SEE ALSO\n\\fBprog-run\\fP(1)\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "hidden") {
		t.Error("it names what is hidden")
	}
}
