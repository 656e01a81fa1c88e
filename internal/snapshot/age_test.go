package snapshot

import (
	"math"
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct {
		ahead, want time.Duration
	}{
		{-time.Hour, time.Hour},
		{0, 0},
		{MaxAhead, 0},
		{MaxAhead + time.Nanosecond, math.MaxInt64},
		{math.MaxInt64, math.MaxInt64}, // three centuries
	} {
		if age := Age(now.Add(tt.ahead), now); age != tt.want {
			t.Errorf("a contact %v ahead is %v old, want %v", tt.ahead, age, tt.want)
		}
	}
	if age := Age(now.AddDate(5000, 0, 0), now); age != math.MaxInt64 {
		t.Errorf("a contact in 5000 years is %v old", age)
	}
	if age := Age(time.Time{}, now); age < 24*time.Hour {
		t.Errorf("no contact is %v old", age)
	}
}
