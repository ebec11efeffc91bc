package pages

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	smallPage = 4 << 10
	hugePage  = 2 << 20
)

// Large asks for large pages behind b, which was not written to yet. Who reads a few lines at random places of much
// memory pays for each of them also a walk through the page tables, which is as dear as the memory itself. Where the
// system refuses nothing is lost; less than two large pages are left as they are.
func Large(b []byte) {
	if len(b) < 2*hugePage {
		return
	}
	skip := -uintptr(unsafe.Pointer(&b[0])) & (smallPage - 1)
	b = b[skip : skip+(uintptr(len(b))-skip)&^(smallPage-1)]
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE) // advice that is not taken leaves everything as it is
}
