//go:build acceptance

package acceptance_test

import (
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

func TestMain(m *testing.M) {
	harness.Main(m, harness.Programs{"upstream": upstream, "lookup": lookup, "silent": silent, "resolve": resolve, "get": get})
}
