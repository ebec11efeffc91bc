// Package usermgr is the program bundy-cmdctl-usermgr: it adds and deletes the users who may administer the suite
// (guide section 6.2).
package usermgr
