package tour

import (
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// Block is a fenced block of a Markdown document.
type Block struct {
	// Language is what the fence names, such as "sh"; it can be empty.
	Language string
	// Directive is the TEXT of a comment <!-- test:TEXT --> right before the
	// block; empty without one.
	Directive string
	// Text is what stands between the fences.
	Text string
	// Line is the document's line on which Text starts, from 1.
	Line int
}

var directive = regexp.MustCompile(`^<!--\s*test:(.*?)\s*-->\s*$`)

// Blocks returns the fenced blocks of a document in order.
func Blocks(source []byte) []Block {
	var blocks []Block
	document := goldmark.DefaultParser().Parse(text.NewReader(source))
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		fenced, ok := n.(*ast.FencedCodeBlock)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		b := Block{
			Language:  string(fenced.Language(source)),
			Directive: directiveBefore(fenced, source),
			Text:      string(fenced.Lines().Value(source)),
		}
		if fenced.Lines().Len() > 0 {
			b.Line = 1 + strings.Count(string(source[:fenced.Lines().At(0).Start]), "\n")
		}
		blocks = append(blocks, b)
		return ast.WalkContinue, nil
	})
	return blocks
}

func directiveBefore(n ast.Node, source []byte) string {
	comment, ok := n.PreviousSibling().(*ast.HTMLBlock)
	if !ok {
		return ""
	}
	found := directive.FindSubmatch([]byte(strings.TrimSpace(string(comment.Lines().Value(source)))))
	if found == nil {
		return ""
	}
	return string(found[1])
}
