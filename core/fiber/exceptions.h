/* SPDX-License-Identifier: MIT */
/*
 * C++ exceptions and fibers: the runtime of C++ keeps per thread which exceptions are being handled, and
 * that has to travel with the fiber, or `throw;` in one fiber throws what another has caught (measured).
 */
#ifndef PEAL_CORE_EXCEPTIONS_H
#define PEAL_CORE_EXCEPTIONS_H

/* __cxa_eh_globals (Itanium C++ ABI, exception handling, 2.2.2). */
struct peal_exceptions {
	void *caught;
	unsigned int uncaught;
};

/*
 * Where the C++ runtime has them for the calling thread; NULL when no such runtime is loaded (yet). In
 * a process that has both libstdc++ and libc++, that is the one which the global scope finds, or else
 * the one that was loaded first; a runtime that was linked statically into a plugin is not found.
 */
struct peal_exceptions *peal_exceptions_of_thread(void);

#endif
