package archtest

import (
	"go/ast"
	"go/token"
	"testing"
)

// TestComments: what a package exports says its contract. Methods that only carry out an interface are told there, so
// methods of unexported types pass. Functions of one line that stand together without a blank line, and types in one
// declaration, share a comment.
func TestComments(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || within(s.dir, []string{"internal/archtest"}) {
			continue
		}
		shared := 0 // the line on which a function shares the comment of the one before
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				line := s.fset.Position(d.Pos()).Line
				if d.Doc != nil || line == shared {
					shared = s.fset.Position(d.End()).Line + 1
					continue
				}
				if d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d)) && !conventional(d) {
					t.Errorf("%s: %s has no comment", s.at(d), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if ts, ok := spec.(*ast.TypeSpec); ok && ts.Name.IsExported() && ts.Doc == nil && d.Doc == nil && d.Tok == token.TYPE {
						t.Errorf("%s: type %s has no comment", s.at(ts), ts.Name.Name)
					}
				}
			}
		}
	}
}

func exportedReceiver(f *ast.FuncDecl) bool {
	e := f.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if index, ok := e.(*ast.IndexExpr); ok {
		e = index.X
	}
	id, ok := e.(*ast.Ident)
	return ok && id.IsExported()
}

// conventional tells whether a method's meaning is known to every reader of Go.
func conventional(f *ast.FuncDecl) bool {
	switch f.Name.Name {
	case "Error", "String", "Unwrap", "Is", "Len", "Less", "Swap", "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText":
		return f.Recv != nil
	}
	return false
}
