// Package doctor judges what was found out about etcd, a registry and its DNS servers, and
// says what to do.
package doctor

import "fmt"

// Level says how bad a finding is.
type Level string

// The levels, from best to worst.
const (
	// OK is as it should be.
	OK Level = "ok"
	// Warn works, and should be looked at.
	Warn Level = "warn"
	// Fail doesn't work.
	Fail Level = "fail"
)

// Finding is what a check says.
type Finding struct {
	Level Level `json:"level"`
	// What is what was found.
	What string `json:"what"`
	// Do is what to do about it; empty where there is nothing to do.
	Do string `json:"do,omitempty"`
}

// Indent is where What begins in a line for people, in characters.
const Indent = len("warn  ")

// String returns the finding as a line for people.
func (f Finding) String() string {
	text := fmt.Sprintf("%-*s%s", Indent, f.Level, f.What)
	if f.Do != "" {
		text += " — " + f.Do
	}
	return text
}

func ok(format string, args ...any) Finding {
	return Finding{Level: OK, What: fmt.Sprintf(format, args...)}
}

func warn(do, format string, args ...any) Finding {
	return Finding{Level: Warn, What: fmt.Sprintf(format, args...), Do: do}
}

func fail(do, format string, args ...any) Finding {
	return Finding{Level: Fail, What: fmt.Sprintf(format, args...), Do: do}
}

// maxNamed is how many of a kind are named one by one: a person reads no more.
const maxNamed = 20

// named returns a finding for each of a list, and one for those beyond maxNamed.
func named[T any](list []T, kind string, find func(T) Finding) (findings []Finding) {
	for i, one := range list {
		if i == maxNamed {
			return append(findings, warn("see all by: registrar status", "%d more %s", len(list)-maxNamed, kind))
		}
		findings = append(findings, find(one))
	}
	return findings
}
