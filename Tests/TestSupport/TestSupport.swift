package let unused = 0
