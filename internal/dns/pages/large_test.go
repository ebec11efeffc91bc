package pages

import "testing"

// TestLarge takes pieces that begin and end anywhere; advice about memory that is not mapped would be an error of ours.
func TestLarge(t *testing.T) {
	whole := make([]byte, 8*hugePage)
	for _, b := range [][]byte{nil, whole[:1], whole[:2*hugePage], whole[1:], whole[smallPage-1 : 5*hugePage+1], whole[100 : 100+2*hugePage]} {
		Large(b)
	}
	for i := range whole {
		whole[i] = 1 // still mapped
	}
}
