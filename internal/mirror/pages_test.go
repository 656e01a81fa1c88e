package mirror

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestPagesForget: ranges that come and go take no memory for good, while those that are
// listed again and again keep their pages.
func TestPagesForget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perAudit, rounds = 3, 100
		p := newPages()
		for round := range rounds {
			p.setEnds("stays/", []string{"stays/m"})
			for i := range perAudit {
				rng := fmt.Sprintf("goes-%d-%d/", round, i)
				p.setEnds(rng, []string{rng + "m"})
			}
			time.Sleep(auditEvery)
		}
		p.setEnds("last/", nil)
		if got := p.endsOf("stays/"); len(got) != 1 {
			t.Errorf("ends %q of the range that stays, want one", got)
		}
		if limit := 1 + perAudit*int(forgetAfter/auditEvery); len(p.ends) > limit {
			t.Errorf("%d ranges, want %d at most", len(p.ends), limit)
		}
		time.Sleep(forgetAfter)
		if p.setEnds("last/", nil); len(p.ends) != 0 {
			t.Errorf("%d ranges after a while, want none", len(p.ends))
		}
	})
}
