package docs_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/itchyny/gojq/cli"
	"go.etcd.io/etcd/etcdctl/v3/ctlv3"

	"github.com/rosterdns/roster/test/harness"
)

// programs stand for those that documents use and that `make test` must not need.
var programs = harness.Programs{"curl": curl, "dig": dig, "etcdctl": etcdctl, "jq": jq}

// install puts some of the programs into a folder.
func install(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		c := harness.Program(t, name)
		script := fmt.Sprintf("#!/bin/sh\n%s exec '%s' \"$@\"\n", c.Env[0], c.Path)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// etcdctl is etcd's own, which is a package.
func etcdctl([]string) int {
	if ctlv3.Start() != nil {
		return 1
	}
	return 0
}

// jq is gojq.
func jq([]string) int { return cli.Run() }

// curl prints what an HTTP server answers, as curl -s does.
func curl(args []string) int {
	if err := get(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 22 // as curl --fail has it
	}
	return 0
}

func get(args []string) error {
	header, url := http.Header{}, ""
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-H" && i+1 < len(args):
			i++
			name, value, _ := strings.Cut(args[i], ": ")
			header.Add(name, value)
		case arg == "-s":
		default:
			url = arg
		}
	}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}
