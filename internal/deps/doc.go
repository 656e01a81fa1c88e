// Package deps holds the rules for imports between the packages of this module
// and to other modules, as tests. It has no code of its own.
package deps
