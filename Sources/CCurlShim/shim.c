// SwiftPM wants a source file in every target; all of this one stands in its header.
#include "CCurlShim.h"
