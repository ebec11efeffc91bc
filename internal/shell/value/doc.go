// Package value reads and writes the values that bundyctl shows and edits: JSON, and the literal form of config diff.
//
// A value is nil, bool, int64, float64, string, []any or map[string]any. Numbers written without a fraction are int64,
// so that 5 and 5.0 stay what they are.
package value
