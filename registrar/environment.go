package registrar

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/passwordfile"
)

// Environment variables of OptionsFromEnv, which are those of the command registrar.
const (
	envEndpoints    = "REGISTRAR_ENDPOINTS"
	envPrefix       = "REGISTRAR_PREFIX"
	envNamespace    = "REGISTRAR_NAMESPACE"
	envZone         = "REGISTRAR_ZONE"
	envCACert       = "REGISTRAR_CACERT"
	envCert         = "REGISTRAR_CERT"
	envKey          = "REGISTRAR_KEY"
	envUser         = "REGISTRAR_USER"
	envPasswordFile = "REGISTRAR_PASSWORD_FILE"
)

// OptionsFromEnv returns the options that the environment has, in the variables of the
// command registrar, so that a program and the command find the same registry:
//
//	REGISTRAR_ENDPOINTS       WithEndpoints, separated by commas
//	REGISTRAR_PREFIX          WithPrefix
//	REGISTRAR_NAMESPACE       WithNamespace
//	REGISTRAR_ZONE            WithZone of package dns
//	REGISTRAR_CACERT          WithTLSFiles: certificate authorities of the servers
//	REGISTRAR_CERT            WithTLSFiles: the client's certificate
//	REGISTRAR_KEY             WithTLSFiles: and its key
//	REGISTRAR_USER            WithCredentials: the user
//	REGISTRAR_PASSWORD_FILE   WithCredentials: a file with the password and nothing else
//
// An empty variable counts as unset; without any there is no option. Options that come
// later in a call of Open replace these. The file of the password is read once, here. An
// error is ErrInvalid, and names every variable at fault.
func OptionsFromEnv() ([]Option, error) {
	opts, err := optionsFrom(os.Getenv)
	if err != nil {
		return nil, fmt.Errorf("registrar: environment: %w", err)
	}
	return opts, nil
}

func optionsFrom(env func(string) string) (opts []Option, err error) {
	var errs []error
	refuse := func(variable string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%w %s=%q: %w", ErrInvalid, variable, env(variable), err))
		}
	}
	if v := env(envEndpoints); v != "" {
		endpoints, err := splitEndpoints(v)
		refuse(envEndpoints, err)
		opts = append(opts, WithEndpoints(endpoints...))
	}
	if v := env(envPrefix); v != "" {
		_, err := catalog.CleanPrefix(v)
		refuse(envPrefix, err)
		opts = append(opts, WithPrefix(v))
	}
	if v := env(envNamespace); v != "" {
		refuse(envNamespace, catalog.CheckNamespace(v))
		opts = append(opts, WithNamespace(v))
	}
	if v := env(envZone); v != "" {
		opts = append(opts, func(o *Options) { o.Zone = v })
	}
	if certificate := together(env, envCert, envKey, refuse); certificate || env(envCACert) != "" {
		opts = append(opts, WithTLSFiles(env(envCert), env(envKey), env(envCACert)))
	}
	if together(env, envUser, envPasswordFile, refuse) {
		password, err := passwordfile.Read(env(envPasswordFile))
		refuse(envPasswordFile, err)
		opts = append(opts, WithCredentials(env(envUser), password))
	}
	return opts, errors.Join(errs...)
}

func splitEndpoints(list string) (endpoints []string, err error) {
	for e := range strings.SplitSeq(list, ",") {
		endpoints = append(endpoints, strings.TrimSpace(e))
	}
	if slices.Contains(endpoints, "") {
		return nil, errors.New("an endpoint is empty: give URLs, separated by commas")
	}
	return endpoints, nil
}

// together reports whether two variables are set. One alone is refused.
func together(env func(string) string, a, b string, refuse func(string, error)) bool {
	switch {
	case env(a) != "" && env(b) != "":
		return true
	case env(a) != "":
		refuse(a, fmt.Errorf("%s must be set too", b))
	case env(b) != "":
		refuse(b, fmt.Errorf("%s must be set too", a))
	}
	return false
}
