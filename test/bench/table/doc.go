// Package table turns what was measured in each round into a table: medians,
// spreads, and whether they meet their bars.
package table
