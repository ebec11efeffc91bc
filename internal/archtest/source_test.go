package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "bundy"

// source is one parsed file.
type source struct {
	path string // from the root of the module, "internal/dns/wire/name.go"
	dir  string
	test bool
	file *ast.File
	fset *token.FileSet
}

func (s *source) at(n ast.Node) string {
	return s.path + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// imports lists the paths that a file imports.
func (s *source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err == nil {
			out = append(out, path)
		}
	}
	return out
}

// importName gives the name under which a file knows an import, "" if it does not import it.
func (s *source) importName(path string) string {
	for _, i := range s.file.Imports {
		if i.Path.Value != strconv.Quote(path) {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		return path[strings.LastIndexByte(path, '/')+1:]
	}
	return ""
}

// calls finds the calls of a function of an imported package.
func (s *source) calls(path string, functions ...string) []*ast.CallExpr {
	name := s.importName(path)
	var out []*ast.CallExpr
	if name == "" {
		return nil
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && slices.Contains(functions, sel.Sel.Name) {
				out = append(out, call)
			}
		}
		return true
	})
	return out
}

// root is where go.mod stands, seen from the directory of this package.
const root = "../.."

// tree parses the module once for all tests.
var tree = sync.OnceValues(func() ([]*source, error) {
	var out []*source
	fset := token.NewFileSet()
	for _, top := range []string{"cmd", "internal", "test"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil && path == filepath.Join(root, top):
				return nil // a room that is not built yet
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), "_")):
				return fs.SkipDir
			case d.IsDir() || !strings.HasSuffix(path, ".go"):
				return nil
			}
			file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			out = append(out, &source{
				path: rel, dir: filepath.Dir(rel), test: strings.HasSuffix(path, "_test.go"), file: file, fset: fset,
			})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
})

func sources(t *testing.T) []*source {
	t.Helper()
	all, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d files found below %s", len(all), root)
	}
	return all
}

// within tells whether a package path lies in one of the rooms.
func within(path string, rooms []string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool {
		return path == room || strings.HasPrefix(path, room+"/")
	})
}
