// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace holdfast {

// Makes SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT write one line to stderr before they end the
// process as they would anyway: the signal's number and a backtrace of "module+0xOFFSET", innermost
// first, fit for addr2line. To be called before a sandbox is entered; holds for one thread.
void InstallCrashReport();

}  // namespace holdfast
