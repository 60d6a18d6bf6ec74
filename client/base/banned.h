/*
 * Functions that must not be called anywhere: each has a safe replacement. Included before
 * every source file by the build, so that a call is a compile error.
 */
#ifndef CLIENT_BASE_BANNED_H
#define CLIENT_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison sprintf vsprintf strcpy strcat strtok gets atoi atol atoll rand srand

#endif
