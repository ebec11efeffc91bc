package schema

// Section is the stored configuration of one module: JSON values as Go values (nil, bool, int64, float64, string,
// []any, map[string]any). Items that have their default value are absent. A Section is immutable once shared.
type Section = map[string]any

// Document is the stored configuration of all modules, by module name. It is immutable once shared.
type Document = map[string]Section
