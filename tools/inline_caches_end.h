/* Ends what inline_caches.h began: the functions have their own meaning again. */
#ifdef FC_INLINE_CACHES
#pragma pop_macro("__Pyx_PyObject_GetAttrStr")
#pragma pop_macro("__Pyx_PyObject_SetAttrStr")
#pragma pop_macro("__Pyx_PyObject_FastCallMethod")
#pragma pop_macro("__Pyx_Object_VectorcallMethodKwds")
#pragma pop_macro("PyObject_IsInstance")
#endif
