#!/bin/sh
# Answers `/`; the sample of `towpath init`.
greeting='ahoy'

printf 'Content-Type: text/plain\r\n\r\n'
echo "$greeting"
