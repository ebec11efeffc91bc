package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

const maxLines = 800

func TestPackageComments(t *testing.T) {
	docs := map[string]string{}
	packages := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		packages[s.dir] = true
		if !strings.HasSuffix(s.path, "/doc.go") {
			if s.file.Doc != nil && strings.HasPrefix(s.file.Doc.Text(), "Package ") {
				t.Errorf("%s: the package comment belongs into doc.go", s.path)
			}
			continue
		}
		docs[s.dir] = s.file.Doc.Text()
	}
	for dir := range packages {
		doc, ok := docs[dir]
		switch {
		case !ok:
			t.Errorf("%s has no doc.go", dir)
		case !strings.HasPrefix(doc, "Package ") && !strings.HasPrefix(doc, "Command "):
			t.Errorf("%s/doc.go has no package comment", dir)
		}
	}
}

func TestFileLength(t *testing.T) {
	for _, s := range sources(t) {
		if n := s.fset.Position(s.file.End()).Line; n > maxLines {
			t.Errorf("%s has %d lines, more than %d", s.path, n, maxLines)
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: an init function", s.at(f))
			}
		}
	}
}

// TestNoSleep: tests use testing/synctest, or take the time as an argument.
func TestNoSleep(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test || s.importName("testing/synctest") != "" {
			continue // inside a bubble Sleep does not wait
		}
		for _, call := range s.calls("time", "Sleep") {
			t.Errorf("%s: a test that sleeps", s.at(call))
		}
	}
}

// TestNames keeps away words that say nothing about what a thing is.
func TestNames(t *testing.T) {
	empty := []string{"Manager", "Helper", "Util", "Utils", "Common", "Context", "Base"}
	for _, s := range sources(t) {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "base", "misc"}, s.file.Name.Name) {
			t.Errorf("%s: package %s", s.path, s.file.Name.Name)
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range g.Specs {
				ts, ok := spec.(*ast.TypeSpec)
				if ok && slices.ContainsFunc(empty, func(e string) bool {
					return strings.HasSuffix(ts.Name.Name, e) || ts.Name.Name == strings.ToLower(e)
				}) {
					t.Errorf("%s: type %s", s.at(ts), ts.Name.Name)
				}
			}
		}
	}
}

func TestNoLeftovers(t *testing.T) {
	for _, s := range sources(t) {
		if s.dir == "internal/archtest" {
			continue
		}
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				for _, word := range []string{"TODO", "FIXME", "XXX", "HACK"} {
					if slices.Contains(strings.FieldsFunc(c.Text, notLetter), word) {
						t.Errorf("%s: %s", s.at(c), word)
					}
				}
			}
		}
	}
}

func notLetter(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }

// TestNoMutableVariables finds package variables that can only be meant to change: those without a value or with a
// plain one, and empty containers. A table with contents passes, and so do errors and messages.
func TestNoMutableVariables(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				if len(v.Values) == 0 && !embedded(g, v) {
					t.Errorf("%s: variable %s without a value", s.at(v), v.Names[0].Name)
				}
				for i, value := range v.Values {
					if v.Names[i].Name != "_" && mutable(value) {
						t.Errorf("%s: variable %s of a package", s.at(v), v.Names[i].Name)
					}
				}
			}
		}
	}
}

func embedded(g *ast.GenDecl, v *ast.ValueSpec) bool {
	return strings.Contains(rawText(g.Doc)+rawText(v.Doc), "//go:embed")
}

func rawText(group *ast.CommentGroup) string {
	var b strings.Builder
	if group != nil {
		for _, c := range group.List {
			b.WriteString(c.Text)
		}
	}
	return b.String()
}

func mutable(value ast.Expr) bool {
	switch v := value.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return v.Name == "true" || v.Name == "false" || v.Name == "nil"
	case *ast.UnaryExpr:
		return mutable(v.X)
	case *ast.CompositeLit:
		_, named := v.Type.(*ast.Ident)
		return len(v.Elts) == 0 && !named // struct{}{}-like markers of a named type are values
	case *ast.CallExpr:
		f, ok := v.Fun.(*ast.Ident)
		return ok && (f.Name == "make" || f.Name == "new")
	}
	return false
}

// TestNoExit: programs return their status, so that what was deferred runs.
func TestNoExit(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || within(s.dir, []string{"cmd"}) {
			continue
		}
		for _, call := range s.calls("os", "Exit") {
			t.Errorf("%s: only cmd ends the process", s.at(call))
		}
		for _, call := range s.calls("log", "Fatal", "Fatalf", "Fatalln", "Print", "Printf", "Println") {
			t.Errorf("%s: package log; use suite/logging", s.at(call))
		}
	}
}
