package etcdserver

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

// programEnv makes the test binary one of programs, which gets a data folder and the URL for clients as arguments.
const programEnv = "ETCDSERVER_TEST_PROGRAM"

var programs = map[string]func(cfg member.Config) error{
	"supervise": superviseWithoutEnd,
	"former":    makeFormerFolder,
}

// runProgram is the test binary as one of programs.
func runProgram() int {
	cfg := member.Config{DataDir: os.Args[1], Name: defaultName, ListenClient: url.URL{Scheme: "http", Host: os.Args[2]}}
	if err := programs[os.Getenv(programEnv)](cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// superviseWithoutEnd is the program supervise. It says when etcd serves.
func superviseWithoutEnd(cfg member.Config) error {
	if _, err := supervise(context.Background(), cfg); err != nil {
		return err
	}
	_, _ = os.Stdout.WriteString("serves\n")
	_, err := io.Copy(io.Discard, os.Stdin)
	if err == nil {
		select {} // until it is killed
	}
	return err
}

// makeFormerFolder is the program former.
func makeFormerFolder(cfg member.Config) error {
	ec, err := cfg.Embed()
	if err != nil {
		return err
	}
	ec.ListenPeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	ec.AdvertisePeerUrls = ec.ListenPeerUrls
	ec.InitialCluster = ec.InitialClusterFromName(cfg.Name)
	ec.LogLevel = "error"
	if err := os.Mkdir(cfg.DataDir, 0o700); err != nil {
		return err
	}
	etcd, err := embed.StartEtcd(ec)
	if err != nil {
		return err
	}
	<-etcd.Server.ReadyNotify()
	defer etcd.Close()
	_, err = etcd.Server.Put(context.Background(), &pb.PutRequest{Key: []byte("former"), Value: []byte("v")})
	return err
}
