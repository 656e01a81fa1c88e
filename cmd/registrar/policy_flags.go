package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rosterdns/roster/catalog"
)

// policyEdit changes a policy.
type policyEdit func(*catalog.Policy)

// policyMember is how a member of a policy is given on the command line.
type policyMember struct {
	flag, usage string
	parse       func(value string) (policyEdit, error)
	unset       policyEdit
}

var policyMembers = []policyMember{
	{
		"ttl", "DNS: TTL in whole `SECONDS` where an instance states none (0: the server's)",
		func(s string) (policyEdit, error) {
			n, err := parseSeconds(s)
			return func(p *catalog.Policy) { p.TTL = n }, err
		},
		func(p *catalog.Policy) { p.TTL = 0 },
	},
	{
		"max-answers", "DNS: at most `N` records in an answer for the service (0: the server's)",
		func(s string) (policyEdit, error) {
			n, err := parseNumber[uint16](s, 0)
			return func(p *catalog.Policy) { p.MaxAnswers = int(n) }, err
		},
		func(p *catalog.Policy) { p.MaxAnswers = 0 },
	},
	{
		"min-up", "with fewer than `N` instances up, those that are draining or down answer too (0: never)",
		func(s string) (policyEdit, error) {
			n, err := parseNumber[uint16](s, 0)
			return func(p *catalog.Policy) { p.MinUp = int(n) }, err
		},
		func(p *catalog.Policy) { p.MinUp = 0 },
	},
	{
		"keep-last", "if the last instances that are up disappear without having been unregistered, serve them for `SECONDS` more (0: not at all)",
		func(s string) (policyEdit, error) {
			n, err := parseSeconds(s)
			return func(p *catalog.Policy) { p.KeepLast = &n }, err
		},
		func(p *catalog.Policy) { p.KeepLast = nil },
	},
	{
		"failover", "services in order, as `NAMESPACE/SERVICE,...`: the first one that has an instance takes over when this one has none left; replaces the whole list",
		func(s string) (policyEdit, error) {
			list, err := parseServiceNames(s)
			return func(p *catalog.Policy) { p.Failover = list }, err
		},
		func(p *catalog.Policy) { p.Failover = nil },
	},
	{
		"alias", "the service, as `NAMESPACE/SERVICE`, whose instances answer for this one",
		func(s string) (policyEdit, error) {
			n, err := parseServiceName(s)
			return func(p *catalog.Policy) { p.Alias = n }, err
		},
		func(p *catalog.Policy) { p.Alias = catalog.ServiceName{} },
	},
}

func parseSeconds(s string) (uint32, error) {
	n, err := parseNumber[uint32](s, 0)
	if err != nil {
		err = fmt.Errorf("%w: give seconds without a unit", err)
	}
	return n, err
}

// parseServiceName parses NAMESPACE/SERVICE: what is written to a policy means the
// same whatever -n was.
func parseServiceName(s string) (catalog.ServiceName, error) {
	if !strings.Contains(s, "/") {
		return catalog.ServiceName{}, fmt.Errorf("%q is not NAMESPACE/SERVICE", s)
	}
	return catalog.ParseServiceName(s)
}

func parseServiceNames(s string) (list []catalog.ServiceName, err error) {
	for name := range strings.SplitSeq(s, ",") {
		n, err := parseServiceName(name)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// memberNames returns the flags of all members.
func memberNames() (names []string) {
	for _, m := range policyMembers {
		names = append(names, m.flag)
	}
	return names
}

// policyFlags are the flags of changes to a policy.
type policyFlags struct {
	set   *pflag.FlagSet
	edits []policyEdit // of flags with a value
	unset []string     // flags of members
}

// add defines the flags.
func (f *policyFlags) add(a *app, cmd *cobra.Command) {
	f.set = cmd.Flags()
	f.set.SortFlags = false
	for _, m := range policyMembers {
		f.set.Func(m.flag, m.usage, func(s string) error {
			if s == "" {
				return fmt.Errorf("must not be empty: to remove the member, use --unset %s", m.flag)
			}
			edit, err := m.parse(s)
			f.edits = append(f.edits, edit)
			return err
		})
	}
	f.set.StringSliceVar(&f.unset, "unset", nil, "remove members, as `MEMBER,...`: "+strings.Join(memberNames(), ", "))
	mustComplete(cmd, "unset", memberNames())
	for _, flag := range []string{"failover", "alias"} {
		mustCompleteBy(cmd, flag, completer{a}.serviceNames)
	}
}

// check checks which flags are there together, and adds the edits of --unset.
func (f *policyFlags) check() error {
	for _, name := range f.unset {
		i := slices.IndexFunc(policyMembers, func(m policyMember) bool { return m.flag == strings.ReplaceAll(name, "_", "-") })
		switch {
		case i < 0:
			return usagef("--unset %q: there is no such member: must be one of %s", name, strings.Join(memberNames(), ", "))
		case f.set.Changed(policyMembers[i].flag):
			return usagef("--%s and --unset %[1]s cannot be used together", policyMembers[i].flag)
		}
		f.edits = append(f.edits, policyMembers[i].unset)
	}
	if len(f.edits) == 0 {
		return usagef("policy set: nothing to set: give at least one member, such as --min-up 1")
	}
	return nil
}

// change makes the edits.
func (f *policyFlags) change(p *catalog.Policy) {
	for _, edit := range f.edits {
		edit(p)
	}
}
