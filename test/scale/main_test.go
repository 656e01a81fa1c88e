package main

import (
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, nil) }
