package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// section is a part of the output for people.
type section struct {
	header []string
	rows   [][]string
}

// writeTables writes the tables that have rows, with an empty line between them.
func (r *statusReport) writeTables(w io.Writer) error {
	first := true
	for _, t := range []section{r.etcdTable(), r.userTable(), r.registryTable(), r.dnsTable(), r.overrideTable(), r.skippedTable()} {
		if len(t.rows) == 0 {
			continue
		}
		if !first {
			fmt.Fprintln(w)
		}
		first = false
		if err := writeTable(w, t.header, t.rows); err != nil {
			return err
		}
	}
	return nil
}

func (r *statusReport) etcdTable() section {
	t := section{header: []string{"ETCD", "NAME", "VERSION", "ROLE", "REVISION", "SIZE", "ERROR"}}
	for _, m := range r.Etcd {
		faults := m.Faults
		if m.Error != "" {
			faults = []string{m.Error}
		}
		t.rows = append(t.rows, []string{m.Endpoint, m.Name, m.Version, m.Role, number(m.Revision), bytesText(m.Size), oneLine(strings.Join(faults, "; "))})
	}
	return t
}

func (r *statusReport) userTable() section {
	name := r.User.Name
	if name == "" && !r.User.Authentication && r.User.Error == "" { // else it may have users
		name = "(no users)"
	}
	return section{
		[]string{"USER", "BELOW", "READ", "WRITE", "ERROR"},
		[][]string{{name, r.User.Below, yesNo(r.User.Read), yesNo(r.User.Write), oneLine(r.User.Error)}},
	}
}

func (r *statusReport) registryTable() section {
	t := section{header: []string{"REVISION", "SERVICES", "INSTANCES", "UP", "DRAINING", "DOWN", "OVERRIDES", "SKIPPED"}}
	if g := r.Registry; g != nil {
		t.rows = [][]string{{
			number(g.Revision), strconv.Itoa(g.Services), strconv.Itoa(g.Instances), strconv.Itoa(g.Up), strconv.Itoa(g.Draining), strconv.Itoa(g.Down),
			strconv.Itoa(len(g.Overrides)), strconv.Itoa(len(g.Skipped)),
		}}
	}
	return t
}

func (r *statusReport) dnsTable() section {
	t := section{header: []string{"DNS", "STATE", "REVISION", "BEHIND", "AGE", "INSTANCES", "ERROR"}}
	for _, s := range r.DNS {
		row := []string{s.Server, s.State, number(s.Revision), strconv.FormatInt(s.Behind, 10), fmt.Sprintf("%ds", s.Age), strconv.Itoa(s.Instances), ""}
		if s.Error != "" {
			row = []string{s.Server, "", "", "", "", "", oneLine(s.Error)}
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func (r *statusReport) overrideTable() section {
	t := section{header: []string{"OVERRIDE OF", "OVERRIDE", "INSTANCE", "REASON"}}
	if r.Registry == nil {
		return t
	}
	for _, o := range r.Registry.Overrides {
		reason := o.Reason
		if o.Error != "" {
			reason = "(unreadable: " + o.Error + ")"
		}
		t.rows = append(t.rows, []string{o.Instance, o.Status, o.InstanceStatus, oneLine(reason)})
	}
	return t
}

func (r *statusReport) skippedTable() section {
	t := section{header: []string{"SKIPPED KEY", "WHY", "REVISION", "ERROR"}}
	if r.Registry == nil {
		return t
	}
	for _, k := range r.Registry.Skipped {
		t.rows = append(t.rows, []string{quoteForeign(k.Key), k.Reason, number(k.Revision), oneLine(k.Error)})
	}
	return t
}

// number returns a number, or "" for 0.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// bytesText returns a size as people write it, or "" for 0.
func bytesText(n int64) string {
	const mib = 1 << 20
	switch {
	case n == 0:
		return ""
	case n < mib:
		return fmt.Sprintf("%d KiB", (n+1023)>>10)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/mib)
}
