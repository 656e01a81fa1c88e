package docs_test

import (
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, programs) }
