// Package tour runs the guided tour of a Markdown document as its reader would,
// so that the document stays true. Fenced blocks take part in it that have one
// of these comments right before them:
//
//	<!-- test:tour -->         a block of sh that has to succeed
//	<!-- test:tour-server -->  the same, left running until the tour's end, and then told to stop by TERM
//	<!-- test:tour-go -->      a Go program that runs until TERM, and then has to succeed
//
// Blocks of sh run in one folder and in one shell, as those of a reader do:
// variables and jobs of one are known to the next ones.
package tour

import (
	"fmt"
	"strings"
)

// Kind says how a step is carried out.
type Kind string

// The kinds of steps are what comes after "test:" in their comments.
const (
	// Shell is a script that is run.
	Shell Kind = "tour"
	// Server is a command that is started, and left running.
	Server Kind = "tour-server"
	// Program is a Go program that is run until it has done what the step says.
	Program Kind = "tour-go"
)

var languages = map[Kind]string{Shell: "sh", Server: "sh", Program: "go"}

// Step is one step of a tour.
type Step struct {
	Kind Kind
	// Text is a script or a program.
	Text string
	// Line is where in the document the text starts.
	Line int

	// Until holds what has to be written, to standard output or error, before
	// the tour goes on: what a reader waits for, as well.
	Until []string
	// Shown holds names that DNS has to know by then, too.
	Shown []string
	// Gone holds names that DNS has to deny once a program has ended.
	Gone []string
	// Check, which can be nil, says what is wrong with the standard output, whose
	// spaces were reduced to one.
	Check func(output string) error
}

// Steps returns the tour of a document: without Until, Shown, Gone and Check, which
// the document doesn't say. An error names the line of a comment that makes no sense.
func Steps(document []byte) ([]Step, error) {
	var steps []Step
	for _, b := range Blocks(document) {
		kind := Kind(b.Directive)
		language, known := languages[kind]
		switch {
		case known && b.Language == language:
			steps = append(steps, Step{Kind: kind, Text: b.Text, Line: b.Line})
		case strings.HasPrefix(b.Directive, "tour"):
			return nil, fmt.Errorf("line %d: test:%s before a block of %q makes no sense", b.Line, b.Directive, b.Language)
		}
	}
	return steps, nil
}
